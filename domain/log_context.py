"""Whose work the current code does: fields that every log line under way carries, without anyone passing them on.

with bind(execution_id=…, correlation_id=…):
    log.info("claimed")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_BOUND: ContextVar[Mapping[str, str]] = ContextVar("log_context")
_NOTHING: Mapping[str, str] = {}


@contextmanager
def bind(**fields: str | None) -> Iterator[None]:
    """Add fields until the block ends, in this task and those it starts. None is left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _BOUND.set({**bound(), **known})
    try:
        yield
    finally:
        _BOUND.reset(token)


def bound() -> Mapping[str, str]:
    return _BOUND.get(_NOTHING)
