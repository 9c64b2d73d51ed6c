"""What an evaluation found: per check, per attempt, per case, in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, TypeAlias

from domain.chat import Usage
from domain.json import JsonObject
from infrastructure.evaluation.answers import ModelName
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.judging import Calibration
from infrastructure.evaluation.subjects import Subject

Outcome: TypeAlias = Literal["passed", "failed", "not run", "error"]
_BY_WEIGHT: tuple[Outcome, ...] = ("passed", "not run", "failed", "error")
"""`error`: the model could not be asked, which says nothing about the prompt."""


_NONE = Usage()


@dataclass(frozen=True, slots=True)
class CheckResult:
    name: str
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to one case, and what the checks say of it. `text` is None when there is no answer."""

    text: str | None
    checks: tuple[CheckResult, ...]
    usage: Usage = _NONE
    seconds: float = 0.0
    cached: bool = False

    @property
    def outcome(self) -> Outcome:
        return _worst(check.outcome for check in self.checks)

    @property
    def score(self) -> float | None:
        """The share of the checks that pass, 0 without a whole and fitting answer; None when it cannot be said."""
        if self.outcome == "error":
            return None
        if (
            self.checks and self.checks[0].outcome == "failed"
        ):  # the answer itself: nothing else can be looked at
            return 0.0
        run = [check.outcome == "passed" for check in self.checks[1:] if check.outcome != "not run"]
        return fmean(run) if run else None if self.checks[1:] else 1.0


@dataclass(frozen=True, slots=True)
class CaseResult:
    case: Case
    attempts: tuple[Attempt, ...]

    @property
    def outcome(self) -> Outcome:
        return _worst(attempt.outcome for attempt in self.attempts)

    @property
    def score(self) -> float | None:
        """The mean of its attempts."""
        scores = [attempt.score for attempt in self.attempts if attempt.score is not None]
        return fmean(scores) if scores and self.outcome != "error" else None

    def problems(self) -> list[str]:
        """What did not pass, each thing once."""
        found = [
            f"{check.name}: {check.why}" if check.why else check.name
            for attempt in self.attempts
            for check in attempt.checks
            if check.outcome != "passed"
        ]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A version of a prompt, measured. `whole`: by all its cases."""

    subject: Subject
    model: ModelName
    repeat: int
    seed: int
    whole: bool
    cases: tuple[CaseResult, ...]
    calibration: Calibration | None = None

    @property
    def score(self) -> float | None:
        """The mean of its cases, 0 to 1; None when no case could be measured."""
        scores = list(self.scores.values())
        return fmean(scores) if scores else None

    @property
    def scores(self) -> dict[str, float]:
        return {one.case.id: one.score for one in self.cases if one.score is not None}

    @property
    def usage(self) -> Usage:
        return sum((attempt.usage for one in self.cases for attempt in one.attempts), Usage())

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome == outcome for one in self.cases)

    def meets(self, threshold: float | None = None) -> bool:
        """Every case could be asked, and the score is not below the threshold (None: the case file's)."""
        least = self.subject.cases.threshold if threshold is None else threshold
        return self.count("error") == 0 and self.score is not None and self.score >= least


def as_json(evaluation: Evaluation) -> JsonObject:
    subject = evaluation.subject
    return {
        "prompt": subject.name,
        "version": subject.prompt.version,
        "prompt_hash": subject.prompt.content_hash,
        "cases_hash": subject.cases.content_hash,
        "model": {
            "provider": evaluation.model.provider,
            "name": evaluation.model.name,
            "digest": evaluation.model.digest,
        },
        "repeat": evaluation.repeat,
        "seed": evaluation.seed,
        "score": evaluation.score,
        "threshold": subject.cases.threshold,
        "passed": evaluation.count("passed"),
        "failed": evaluation.count("failed"),
        "not_run": evaluation.count("not run"),
        "errors": evaluation.count("error"),
        "input_tokens": evaluation.usage.input_tokens,
        "output_tokens": evaluation.usage.output_tokens,
        "calibration": str(evaluation.calibration) if evaluation.calibration else None,
        "cases": [_case(one) for one in evaluation.cases],
    }


def _case(one: CaseResult) -> JsonObject:
    return {
        "id": one.case.id,
        "tags": list(one.case.tags),
        "outcome": one.outcome,
        "score": one.score,
        "attempts": [_attempt(attempt) for attempt in one.attempts],
    }


def _attempt(attempt: Attempt) -> JsonObject:
    checks: Sequence[dict[str, Any]] = [
        {"check": check.name, "outcome": check.outcome, "why": check.why} for check in attempt.checks
    ]
    return {
        "answer": attempt.text,
        "seconds": round(attempt.seconds, 3),
        "cached": attempt.cached,
        "checks": checks,
    }


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    return max(outcomes, key=_BY_WEIGHT.index, default="passed")
