"""The search: instructions first, then examples with the best of them, then a choice by cases that neither has seen.

Sources, beside those of `proposals`: examples are the model's own answers that pass (bootstrapped demonstrations, drawn at random:
BootstrapFewShotWithRandomSearch of DSPy). What is little good is dropped early (`halving`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from random import Random
from typing import Final

from infrastructure.evaluation.answers import Asker, BudgetSpent
from infrastructure.evaluation.cases import Case
from infrastructure.optimisation.bench import Bench
from infrastructure.optimisation.candidates import Candidate, Example, question_of, rewritten, taught
from infrastructure.optimisation.editing import CannotEdit, instruction_of
from infrastructure.optimisation.halving import most_measurements, rungs
from infrastructure.optimisation.proposals import LONGEST_INSTRUCTION, Failure, propose
from infrastructure.prompts.reading.definition import read_definition

ROUNDS: Final = 2
PROPOSALS: Final = 6
"""In each round."""
EXTRA_ANSWERS: Final = 2
"""How often a training case without an answer that passes is asked again."""
WARMTH: Final = 0.8
"""The least temperature of those: at 0 the same answer would come again."""
SETS: Final = 4
INSTRUCTIONS_WITH_EXAMPLES: Final = 2
MOST_EXAMPLES: Final = 4
FINALISTS: Final = 3
LONGEST_EXAMPLE: Final = 4_000
"""Characters of a question and its answer."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`candidate` is None when none did better than the prompt itself; gains are means of scores over the prompt's own.

    `remarks` say what the search could not do.
    """

    candidate: Candidate | None
    training: float | None
    validation: float | None
    tried: int
    remarks: tuple[str, ...]


async def search(
    bench: Bench, proposer: Asker, training: Sequence[Case], validation: Sequence[Case]
) -> Choice:
    """Find the candidate that gains most by `validation`, which nothing was learned from.

    What the bench's allowance keeps back is spent here for the validation. A budget that ends before that ends the search,
    and the choice is made among what was found.

    Raises:
        BudgetSpent: not even the prompt itself could be measured.
        AgentError: the model could not be asked.

    """
    found = _Search(bench, proposer, training)
    await bench.measure(bench.base, training)
    found.remarks += bench.not_run()
    try:
        await found.instructions()
        await found.examples()
    except BudgetSpent as spent:
        found.remarks.append(f"{spent.message}: the search ended early")
    finalists = found.finalists()
    bench.allowance.give_back()
    for candidate in (bench.base, *finalists) if finalists else ():
        await bench.measure(candidate, validation)
    # Of equals the shortest: every later call pays for what it adds.
    chosen = min(
        finalists,
        key=lambda one: (-(bench.gain(one, validation) or 0.0), len(one.prompt.source)),
        default=None,
    )
    gain = bench.gain(chosen, validation) if chosen else None
    return Choice(
        candidate=chosen if gain and gain > 0 else None,
        training=bench.gain(chosen, training) if chosen else None,
        validation=gain,
        tried=len(found.tried),
        remarks=tuple(dict.fromkeys(found.remarks)),
    )


def most_calls(training: int, validation: int) -> int:
    """How often the model is asked at most, the proposer included and a judge not."""
    rounds = ROUNDS * (PROPOSALS + most_measurements(PROPOSALS, training))
    examples = EXTRA_ANSWERS * training + most_measurements(SETS * INSTRUCTIONS_WITH_EXAMPLES, training)
    return training + rounds + examples + validation_calls(validation)


def validation_calls(validation: int) -> int:
    return (FINALISTS + 1) * validation


class _Search:
    def __init__(self, bench: Bench, proposer: Asker, training: Sequence[Case]) -> None:
        self.tried: list[Candidate] = []
        self.remarks: list[str] = []
        self._bench = bench
        self._proposer = proposer
        self._training = training

    async def instructions(self) -> None:
        """Rounds of proposals: each starts from the best instruction so far, and what is still wrong with it."""
        bench, prompt = self._bench, self._bench.subject.prompt
        for number in range(ROUNDS):
            best = next(iter(self.best(1)), bench.base)
            failures = list(self._failures(best))
            if not failures:
                self.remarks.append(f"no instruction was proposed: nothing failed with {best}")
                return
            instruction = best.instruction or instruction_of(read_definition(prompt.source).template)
            if len(instruction) > LONGEST_INSTRUCTION:
                self.remarks.append(
                    f"no instruction was proposed: the one there is has more than {LONGEST_INSTRUCTION:,} characters"
                )
                return
            proposals = await propose(
                self._proposer,
                prompt,
                instruction,
                failures,
                [
                    (one.instruction, self._gain(one))
                    for one in self.best(len(self.tried), at_least=-1.0)
                    if one.instruction is not None
                ],
                count=PROPOSALS,
                seed=bench.seed + number * PROPOSALS,
                on_answer=bench.on_answer,
            )
            bench.stop_if_spent()
            await self._halve([made for text in proposals if (made := self._rewritten(text))])

    async def examples(self) -> None:
        """Sets of examples, drawn by the seed, with the prompt's own instruction and the best others."""
        bench = self._bench
        best = self.best(INSTRUCTIONS_WITH_EXAMPLES - 1)
        for number in range(1, EXTRA_ANSWERS + 1):
            prompt = (best[0] if best else bench.base).prompt
            warm = replace(prompt, temperature=max(prompt.temperature or 0.0, WARMTH))
            await bench.find_answers(warm, self._training, seed=bench.seed + number)
        known = list(self._known_examples())
        if not known:
            self.remarks.append("no answer to a training case passed all its checks: there are no examples")
            return
        draw = Random(bench.seed)  # noqa: S311 - a search that can be repeated, no secret
        most = min(MOST_EXAMPLES, len(known), len(self._training) - 1)
        sets = [draw.sample(known, draw.randint(1, most)) for _ in range(SETS)]
        await self._halve(
            [made for base in (*best, bench.base) for one in sets if (made := self._taught(base, one))]
        )

    def best(self, count: int, *, at_least: float = 0.0) -> list[Candidate]:
        """Those that gained most by all training cases they may be judged by; of equals the shortest."""
        measured = [
            one
            for one in self.tried
            if len(self._bench.results(one)) >= len(self._judges(one)) and self._gain(one) >= at_least
        ]
        return sorted(measured, key=self._order)[:count]

    def finalists(self) -> list[Candidate]:
        """The best without and the best with examples: they gained by different cases, which cannot be compared."""
        ranked = self.best(len(self.tried))
        plain = [one for one in ranked if not one.examples]
        shown = [one for one in ranked if one.examples]
        return [*plain[:1], *shown[: FINALISTS - 1], *plain[1:]][:FINALISTS]

    async def _halve(self, candidates: Iterable[Candidate]) -> None:
        """All by a few cases, the better half by twice as many, until the last ones are measured by all."""
        known = {one.prompt.content_hash for one in (self._bench.base, *self.tried)}
        alive = [
            one for one in {one.prompt.content_hash: one for one in candidates}.values()
            if one.prompt.content_hash not in known
        ]  # fmt: skip
        self.tried += alive
        for count in rungs(len(self._training)):
            for candidate in alive:
                await self._bench.measure(candidate, self._judges(candidate)[:count])
            alive = sorted(alive, key=self._order)[: ceil(len(alive) / 2)]

    def _failures(self, candidate: Candidate) -> Iterable[Failure]:
        for result in self._bench.results(candidate).values():
            if result.outcome == "failed":
                question = question_of(candidate.prompt, result.case)
                yield Failure(question, result.attempts[0].text or "(none)", result.problems())

    def _known_examples(self) -> Iterable[Example]:
        for case in self._training:
            if answer := self._bench.passed.get(case.id):
                try:
                    example = Example(case.id, question_of(self._bench.subject.prompt, case), answer)
                except CannotEdit as error:
                    self.remarks.append(f"{case.id} is no example: {error}")
                    continue
                if len(example.question) + len(answer) <= LONGEST_EXAMPLE:
                    yield example

    def _rewritten(self, instruction: str) -> Candidate | None:
        try:
            return rewritten(self._bench.subject.prompt, instruction, self._training)
        except CannotEdit as error:
            self.remarks.append(f"a proposal was dropped: {error}")
            return None

    def _taught(self, base: Candidate, examples: Sequence[Example]) -> Candidate | None:
        try:
            return taught(base, examples, self._training)
        except CannotEdit as error:
            self.remarks.append(f"some examples were dropped: {error}")
            return None

    def _judges(self, candidate: Candidate) -> list[Case]:
        return [case for case in self._training if candidate.may_be_judged_by(case)]

    def _gain(self, candidate: Candidate) -> float:
        gain = self._bench.gain(candidate, self._training)
        return -1.0 if gain is None else gain

    def _order(self, candidate: Candidate) -> tuple[float, int, str]:
        return (-self._gain(candidate), len(candidate.prompt.source), candidate.prompt.content_hash)
