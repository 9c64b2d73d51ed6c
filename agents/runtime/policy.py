"""What becomes of an execution when something is raised, and what the caller over HTTP sees: the one table.

`docs/errors.md` is printed from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain import errors

DEFAULT_RETRY_AFTER = 5
"""Seconds told to callers when the other side named none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows from an error class, and from those below it that have no rule of their own.

    `work` is what becomes of the execution, `counts` whether it uses up an attempt, `status` the HTTP status.
    """

    work: str
    counts: bool
    status: int


_FINAL = "recorded as failed; the answer to a caller who waits for it, else a dead letter"
_AGAIN = "tried again after a pause; when the attempts are used up, recorded as failed, a dead letter"
_HELD = "held, and tried again in place with back-off"
_LEFT = "left to the broker, which delivers it again; where a handler reads the document: as a bug"
_NONE = "none: it answers a request about a dead letter"

RULES: dict[type[BaseException], Rule] = {
    errors.Rejected: Rule(_FINAL, counts=True, status=422),
    errors.IdReused: Rule(_FINAL, counts=True, status=409),
    errors.TooLarge: Rule(_FINAL, counts=True, status=413),
    errors.BudgetExceeded: Rule(_FINAL, counts=True, status=402),
    errors.Unavailable: Rule(_HELD, counts=False, status=503),
    errors.ModelRateLimited: Rule(_HELD, counts=False, status=429),
    errors.Transient: Rule(_AGAIN, counts=True, status=502),
    errors.DeadlineExceeded: Rule(_AGAIN, counts=True, status=504),
    errors.ModelTimeout: Rule(_AGAIN, counts=True, status=504),
    errors.DocumentUnreadable: Rule(_LEFT, counts=False, status=500),
    errors.UnknownDeadLetter: Rule(_NONE, counts=False, status=404),
    errors.DeadLetterSettled: Rule(_NONE, counts=False, status=409),
    Exception: Rule(_AGAIN, counts=True, status=500),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`final`: no attempt will follow. `status` is the HTTP status. `code` and `message` are what the outside is told."""

    final: bool
    status: int
    code: str
    message: str


def judge(error: BaseException) -> Verdict:
    if isinstance(error, errors.AgentError):
        rule = rule_of(type(error))
        return Verdict(rule.work == _FINAL, rule.status, error.code, error.message)
    # A bug's text may quote its input or a secret: the log has it, the outside gets its kind.
    message = f"the handler failed with {type(error).__name__}; see the log"
    return Verdict(final=False, status=500, code="internal", message=message)


def rule_of(kind: type[BaseException]) -> Rule:
    return next(RULES[base] for base in kind.__mro__ if base in RULES)


def error_classes(kind: type[errors.AgentError] = errors.AgentError) -> Iterator[type[errors.AgentError]]:
    """Every class of the domain's errors, each before those below it."""
    yield kind
    for narrower in kind.__subclasses__():
        if narrower.__module__ == errors.__name__:
            yield from error_classes(narrower)


def status_of(code: str) -> int:
    """The HTTP status of a recorded failure's code."""
    return _STATUS_BY_CODE.get(code, 500)


_STATUS_BY_CODE = {kind.code: rule_of(kind).status for kind in error_classes()}
