"""Whether a candidate is surely worse than its baseline, by three criteria that share 5 % of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.figures import Mean, mean_of
from domain.rollout import Criterion
from domain.sequential import FEWEST, Rate, evidence, log_evidence, mean_interval

ALPHA = 0.05
"""How often, at most, any candidate of a split is taken back that is not worse, however often one looks."""
CRITERIA = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion. `worse` is final: the experiment is over for this candidate.

    For rates `evidence` grows to `needed` when the candidate is worse; for the cost it is how many times the baseline's
    mean cost the candidate surely costs at least, and `needed` is how many times it may.
    """

    criterion: Criterion
    candidate: float
    baseline: float
    evidence: float
    needed: float
    because: str

    @property
    def worse(self) -> bool:
        return self.evidence >= self.needed


def compare(
    candidate: Mapping[str, float], baseline: Mapping[str, float], *, dearer: int, candidates: int = 1
) -> list[Finding]:
    """The three findings from two versions' counters of one experiment. `dearer` is in per cent.

    With several candidates each gets its part of `ALPHA`.
    """
    alpha = ALPHA / (CRITERIA * max(candidates, 1))
    return [
        _rates("failures", "executions failed", failures(candidate), failures(baseline), alpha),
        _rates("validity", "first answers were invalid", invalid(candidate), invalid(baseline), alpha),
        _cost(candidate, baseline, dearer, alpha),
    ]


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The first that is surely worse: they come by what weighs most."""
    return next((finding for finding in findings if finding.worse), None)


def failures(counts: Mapping[str, float]) -> Rate:
    """Of all executions those that failed and the prompt may be blamed for."""
    return Rate(round(counts.get("blamed", 0)), round(counts.get("executions", 0)))


def invalid(counts: Mapping[str, float]) -> Rate:
    """Of the executions that got an answer those whose first did not fit."""
    answered = round(counts.get("answered", 0))
    return Rate(answered - round(counts.get("valid", 0)), answered)


def prices_known(*arms: Mapping[str, float]) -> bool:
    """Of every answer in each of them."""
    return all(counts.get("cost.n", 0) >= max(counts.get("tokens.n", 0), 1) for counts in arms)


def _rates(criterion: Criterion, what: str, candidate: Rate, baseline: Rate, alpha: float) -> Finding:
    return Finding(
        criterion,
        candidate.value,
        baseline.value,
        evidence(log_evidence(candidate, baseline)),
        1 / alpha,
        f"{candidate.count} of {candidate.of} {what} ({candidate.value:.1%}), "
        f"against {baseline.count} of {baseline.of} ({baseline.value:.1%}) of the baseline",
    )


def _cost(
    candidate: Mapping[str, float], baseline: Mapping[str, float], dearer: int, alpha: float
) -> Finding:
    """Money where both have prices, else tokens: on a model of one's own they are the cost."""
    money = prices_known(candidate, baseline)
    name = "cost" if money else "tokens"
    ours, theirs = mean_of(candidate, name), mean_of(baseline, name)
    return Finding(
        "cost",
        ours.mean,
        theirs.mean,
        _times(ours, theirs, alpha),
        1 + dearer / 100,
        f"an execution costs {_said(ours, money=money)}, against {_said(theirs, money=money)} of the baseline; "
        f"{dearer} % more are allowed",
    )


def _times(ours: Mean, theirs: Mean, alpha: float) -> float:
    """How many times as dear the candidate is at least; 0 where nothing is sure.

    The lower end of one interval over the upper end of the other. Both are two-sided at `alpha`, and each errs on this side
    with half of it.
    """
    if min(ours.n, theirs.n) < FEWEST:
        return 0.0
    low, high = mean_interval(ours, alpha).low, mean_interval(theirs, alpha).high
    return max(low / high, 0.0) if high > 0 else 0.0


def _said(mean: Mean, *, money: bool) -> str:
    return f"{mean.mean:.6f}" if money else f"{mean.mean:.0f} tokens"
