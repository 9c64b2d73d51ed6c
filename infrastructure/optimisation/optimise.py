"""The whole way from cases to a verdict: a search on some of them, and one look at the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from domain.prompt import request_for
from domain.tokens import CHARACTERS, input_tokens
from infrastructure.evaluation.answers import Asker, BudgetSpent, most_tokens
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.checks.kind import Rubric
from infrastructure.evaluation.compare import Comparison
from infrastructure.evaluation.estimate import Estimate
from infrastructure.evaluation.pairs import Pair
from infrastructure.evaluation.subjects import Subject
from infrastructure.optimisation.bench import Bench
from infrastructure.optimisation.candidates import MOST_ADDED
from infrastructure.optimisation.parts import Parts
from infrastructure.optimisation.proposals import requests_for
from infrastructure.optimisation.search import (
    PROPOSALS,
    ROUNDS,
    Choice,
    most_calls,
    search,
    validation_calls,
)

_ADDED_TOKENS: Final = MOST_ADDED // CHARACTERS


class Unaffordable(ValueError):
    """A budget that does not even pay for the measurements."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `held_out` measures choice and prompt by the held-out cases; None when nothing was chosen."""

    parts: Parts
    choice: Choice
    held_out: Pair | None
    calls: int
    tokens: int

    @property
    def comparison(self) -> Comparison | None:
        return self.held_out.comparison if self.held_out else None

    @property
    def is_better(self) -> bool:
        """By the held-out cases, too. Whether that is more than chance, the comparison's verdict says."""
        return self.comparison is not None and self.comparison.difference > 0


async def optimise(bench: Bench, proposer: Asker, parts: Parts) -> Outcome:
    """Search by the training and validation cases; then, once, measure what was chosen by those held out.

    Raises:
        Unaffordable: the budget is too small to begin.
        BudgetSpent: it ended where nothing can be said yet.
        AgentError: the model could not be asked.

    """
    _keep_back(bench, parts)
    choice = await search(bench, proposer, parts.training, parts.validation)
    held_out = None
    if choice.candidate:
        before = await bench.evaluated(bench.subject.prompt, parts.held_out)
        after = await bench.evaluated(choice.candidate.prompt, parts.held_out)
        bench.stop_if_spent()
        held_out = Pair(now=after, before=before)
    return Outcome(parts, choice, held_out, bench.allowance.calls, bench.allowance.tokens)


def expected(subject: Subject, parts: Parts) -> Estimate:
    """What it may take: calls and output at most, input about; answers from the cache and a judge's calls left aside.

    Raises:
        InvalidInput, PromptInvalid: a case does not fit this version of the prompt.

    """
    cases = (*parts.training, *parts.validation, *parts.held_out)
    asked = [input_tokens(request_for(subject.prompt, case.input)) for case in cases]
    proposal = requests_for(subject.prompt, "", (), (), count=1, seed=0)[0]
    proposals = ROUNDS * PROPOSALS
    answers = most_calls(len(parts.training), len(parts.validation)) + 2 * len(parts.held_out) - proposals
    return Estimate(
        calls=answers + proposals,
        # Candidates are longer than the prompt, by half as a rule; a proposer is shown a few questions and answers.
        input_tokens=round(answers * 1.5 * fmean(asked)) + proposals * (input_tokens(proposal) + 2000),
        output_tokens=answers * subject.prompt.max_tokens + proposals * proposal.max_tokens,
    )


def _keep_back(bench: Bench, parts: Parts) -> None:
    """What the validation and the held-out cases take, at most."""
    calls, tokens = 2 * len(parts.held_out) * _calls_each(parts.held_out), 0
    calls += validation_calls(len(parts.validation)) * _calls_each(parts.validation)
    for cases, times in ((parts.held_out, 2), (parts.validation, validation_calls(1))):
        tokens += times * sum(
            most_tokens(request_for(bench.subject.prompt, case.input)) + _ADDED_TOKENS for case in cases
        )
    try:
        bench.allowance.keep_back(calls, tokens)
    except BudgetSpent:
        first = len(parts.training) * _calls_each(parts.training)
        raise Unaffordable(
            f"the budget is too small: the measurements alone may take {calls + first} calls and {tokens:,} tokens, "
            "and a search several times that"
        ) from None


def _calls_each(cases: Sequence[Case]) -> int:
    """For one answer to a case: the prompt's own, and one for each rubric."""
    return 1 + max(sum(isinstance(check.test.decide, Rubric) for check in case.checks) for case in cases)
