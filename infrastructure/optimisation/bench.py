"""Measures candidates by cases, each question once, and keeps every answer that passed for an example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from domain.errors import ModelUnavailable
from domain.prompt import Prompt
from infrastructure.evaluation.answers import Asker, BudgetSpent
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.judging import Judge
from infrastructure.evaluation.results import CaseResult, Evaluation
from infrastructure.evaluation.run import evaluate
from infrastructure.evaluation.subjects import Subject
from infrastructure.optimisation.budget import Allowance
from infrastructure.optimisation.candidates import Candidate


@dataclass(slots=True)
class Bench:
    """`asker` and `judge` spend from the `allowance`; `on_answer` is called as answers come in."""

    subject: Subject
    asker: Asker
    judge: Judge | None
    allowance: Allowance
    seed: int
    on_answer: Callable[[], None] = lambda: None
    passed: dict[str, str] = field(default_factory=dict)
    """By case, the first answer that passed all its checks, from a prompt that was not shown that case."""
    _results: dict[str, dict[str, CaseResult]] = field(default_factory=dict)

    @property
    def base(self) -> Candidate:
        return Candidate(self.subject.prompt)

    async def measure(self, candidate: Candidate, cases: Sequence[Case]) -> None:
        """By those cases that it was not measured by yet, and may be.

        Raises:
            BudgetSpent: what was answered until then is kept.
            ModelUnavailable: the model could not be asked.

        """
        known = self.results(candidate)
        wanted = [case for case in cases if case.id not in known and candidate.may_be_judged_by(case)]
        for result in (await self.evaluated(candidate.prompt, wanted)).cases:
            if result.outcome != "error":
                known[result.case.id] = result
                self._keep(result)
        self.stop_if_spent()

    async def evaluated(
        self, prompt: Prompt, cases: Sequence[Case], *, seed: int | None = None
    ) -> Evaluation:
        """An evaluation by some cases that is not kept. What could not be asked is asked once more.

        Raises:
            ModelUnavailable: it could not be asked again.

        """
        found = await self._evaluated(prompt, cases, seed)
        if self.allowance.is_spent or not found.count("error"):
            return found
        again = await self._evaluated(
            prompt, [one.case for one in found.cases if one.outcome == "error"], seed
        )
        if again.count("error") and not self.allowance.is_spent:
            problem = next(why for one in again.cases if one.outcome == "error" for why in one.problems())
            raise ModelUnavailable(f"the model could not be asked, twice: {problem}")
        answered = {one.case.id: one for one in again.cases}
        return replace(found, cases=tuple(answered.get(one.case.id, one) for one in found.cases))

    async def _evaluated(self, prompt: Prompt, cases: Sequence[Case], seed: int | None) -> Evaluation:
        return await evaluate(
            replace(self.subject, prompt=prompt),
            cases,
            self.asker,
            judge=self.judge,
            seed=self.seed if seed is None else seed,
            on_answer=lambda _: self.on_answer(),
        )

    def stop_if_spent(self) -> None:
        if self.allowance.is_spent:
            raise BudgetSpent("the budget is spent")

    async def find_answers(self, prompt: Prompt, cases: Sequence[Case], *, seed: int) -> None:
        """Ask for answers to those cases that have none that passed."""
        wanted = [case for case in cases if case.id not in self.passed]
        for result in (await self.evaluated(prompt, wanted, seed=seed)).cases:
            self._keep(result)
        self.stop_if_spent()

    def results(self, candidate: Candidate) -> dict[str, CaseResult]:
        return self._results.setdefault(candidate.prompt.content_hash, {})

    def not_run(self) -> list[str]:
        """Why some checks could not be made of the prompt's own answers; they count neither for nor against it."""
        found = self.results(self.base).values()
        checks = [check for result in found for attempt in result.attempts for check in attempt.checks]
        reasons = dict.fromkeys(check.why for check in checks if check.outcome == "not run")
        return [f"some checks were not run: {why}" for why in reasons]

    def gain(self, candidate: Candidate, cases: Sequence[Case]) -> float | None:
        """The mean of what it scores more than the prompt itself, by those of the cases that both were measured by."""
        before, after = self.results(self.base), self.results(candidate)
        gains = [
            now - then
            for case in cases
            if case.id in before and case.id in after
            and (now := after[case.id].score) is not None
            and (then := before[case.id].score) is not None
        ]  # fmt: skip
        return round(fmean(gains), 9) if gains else None

    def _keep(self, result: CaseResult) -> None:
        text = result.attempts[0].text
        if result.outcome == "passed" and text:
            self.passed.setdefault(result.case.id, text.strip())
