"""Figures of a prompt's version: counters that are only ever added to, so that replicas' shares of them can be merged.

A mean's counters are three: how many, their sum, the sum of their squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

from pydantic import Field

from domain.documents import Kept
from domain.execution import Execution, PromptUse

Counts: TypeAlias = dict[str, float]
"""Counter → value; one that is missing is 0, so that a newer version may count more."""

BLAMED = {
    "model_answer_invalid", "model_truncated", "model_refused", "model_fails_for_input", "rejected", "internal",
}  # fmt: skip
"""Failures that a prompt may be the cause of: what the model made of it, and what the handler could not use. What is down,
slow or too large befalls every version alike.
"""
REVISIONS = 10
"""Experiments whose figures a version keeps."""
REPLICAS = 50
"""Replicas whose last batch a version remembers."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One ask of a prompt that the model answered. `valid`: its first answer fitted; `repaired`: its second did.

    `seconds` is the whole ask's. Tokens are 0 where nobody counted them: both answers were of no use, or they came from a cache.
    `cost` is None while no prices are known.
    """

    prompt: PromptUse
    valid: bool
    repaired: bool = False
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None


class Sheet(Kept):
    """The figures of one version: in all, and of its latest experiments by their revision (JSON's keys are texts).

    `batches` is the last batch that each replica added: one whose answer was lost is not added twice.
    """

    total: Counts = Field(default_factory=dict)
    revisions: dict[str, Counts] = Field(default_factory=dict)
    batches: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mean:
    """`n` values, their sum and the sum of their squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the values, never below 0 for rounding's sake."""
        return sqrt(max(self.squares / self.n - self.mean**2, 0.0)) if self.n else 0.0


def mean_of(counts: Mapping[str, float], name: str) -> Mean:
    return Mean(
        round(counts.get(f"{name}.n", 0)), counts.get(f"{name}.sum", 0.0), counts.get(f"{name}.squares", 0.0)
    )


def figures_of(execution: Execution, answers: Sequence[Answered]) -> list[tuple[PromptUse, Counts]]:
    """What an execution adds to the figures of each version that it asked, as a rule one.

    An execution counts once, however often it was tried: tries of one input say the same thing again. Its first answer is the
    first that came, and it costs what all of them did.
    """
    asked: dict[_Use, tuple[PromptUse, list[Answered]]] = {}
    for answer in answers:
        asked.setdefault(_use(answer.prompt), (answer.prompt, []))[1].append(answer)
    last = None
    if execution.prompt is not None:
        last = _use(execution.prompt)
        asked.setdefault(last, (execution.prompt, []))
    return [(use, _counts(execution, given, last=one == last)) for one, (use, given) in asked.items()]


def scored(score: float, before: float | None) -> Counts:
    """What a user's score adds, when it stands in for the same user's earlier one."""
    counts: Counts = {"feedback.n": 1, "feedback.sum": score, "feedback.squares": score**2}
    if before is None:
        return counts
    return {"feedback.sum": score - before, "feedback.squares": score**2 - before**2}


def add(to: Counts, counts: Mapping[str, float]) -> None:
    for name, value in counts.items():
        to[name] = to.get(name, 0) + value


def merged(sheet: Sheet | None, added: Mapping[int, Counts], replica: str, batch: int) -> Sheet | None:
    """The sheet with one replica's batch, which is counts by revision; None when it holds that batch already."""
    sheet = sheet or Sheet()
    if sheet.batches.get(replica, 0) >= batch:
        return None
    total, revisions = dict(sheet.total), {r: dict(counts) for r, counts in sheet.revisions.items()}
    for revision, counts in added.items():
        add(total, counts)
        if revision:
            add(revisions.setdefault(str(revision), {}), counts)
    latest = sorted(revisions, key=int)[-REVISIONS:]
    others = [(name, number) for name, number in sheet.batches.items() if name != replica]
    return Sheet(
        total=total,
        revisions={revision: revisions[revision] for revision in latest},
        batches=dict([*others, (replica, batch)][-REPLICAS:]),
    )


_Use: TypeAlias = tuple[str, str, str | None]


def _use(prompt: PromptUse) -> _Use:
    """As a key: comparing tuples is what an execution can pay for."""
    return prompt.name, prompt.version, prompt.split


def _counts(execution: Execution, answers: Sequence[Answered], *, last: bool) -> Counts:
    counts: Counts = {"executions": 1}
    if answers:
        counts["answered"] = 1
        counts["valid"] = int(answers[0].valid)
        counts["repaired"] = int(any(one.repaired for one in answers))
        _value(counts, "seconds", sum([one.seconds for one in answers]))
        counts |= _spent(answers)
    if execution.error is not None and last:
        # A bug in a handler that had no answer yet is no prompt's fault.
        blamed = execution.error.code in BLAMED and (bool(answers) or execution.error.code != "internal")
        counts["blamed" if blamed else "others_fault"] = 1
    return counts


def _spent(answers: Sequence[Answered]) -> Counts:
    """Nothing where nobody counted: a cache that has the baseline's answers would make every candidate look dear."""
    tokens_in = sum([one.input_tokens for one in answers])
    tokens_out = sum([one.output_tokens for one in answers])
    counts: Counts = {}
    if tokens_in + tokens_out:
        _value(counts, "input_tokens", tokens_in)
        _value(counts, "output_tokens", tokens_out)
        _value(counts, "tokens", tokens_in + tokens_out)
        costs = [one.cost for one in answers if one.cost is not None]
        if len(costs) == len(answers):
            _value(counts, "cost", sum(costs))
    return counts


def _value(counts: Counts, name: str, value: float) -> None:
    """One value of a mean."""
    counts[f"{name}.n"], counts[f"{name}.sum"], counts[f"{name}.squares"] = 1, value, value * value
