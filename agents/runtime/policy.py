"""What becomes of an execution when something is raised, and what the caller over HTTP sees: the one table.

| raised | the work | counts as an attempt | HTTP |
|---|---|---|---|
| Rejected and its kin | recorded as failed, dead letter | ends it | 4xx |
| Unavailable and its kin | held and tried again in place | no | 503 (429 when the model is rate limited), Retry-After |
| Transient and its kin | tried again after a pause, then recorded as failed | yes | 502 or 504 |
| anything else (a bug) | the same | yes | 500 |
"""

from __future__ import annotations

from dataclasses import dataclass

from domain import errors

DEFAULT_RETRY_AFTER = 5
"""Seconds told to callers when the other side named none."""

_STATUS: dict[type[errors.AgentError], int] = {
    errors.InvalidInput: 422,
    errors.IdReused: 409,
    errors.TooLarge: 413,
    errors.Rejected: 422,
    errors.ModelRateLimited: 429,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
    errors.ModelTimeout: 504,
    errors.Transient: 502,
    errors.AgentError: 500,
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
        status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
        final = isinstance(error, errors.Rejected)
        return Verdict(final=final, status=status, code=error.code, message=error.message)
    # A bug's text may quote its input or a secret: the log has it, the outside gets its kind.
    message = f"the handler failed with {type(error).__name__}; see the log"
    return Verdict(final=False, status=500, code="internal", message=message)


def status_of(code: str) -> int:
    """The HTTP status of a recorded failure's code."""
    return _STATUS_BY_CODE.get(code, 500)


def _by_code(kind: type[errors.AgentError]) -> dict[str, int]:
    statuses = {kind.code: next(_STATUS[base] for base in kind.__mro__ if base in _STATUS)}
    for narrower in kind.__subclasses__():
        statuses |= _by_code(narrower)
    return statuses


_STATUS_BY_CODE = _by_code(errors.AgentError)
