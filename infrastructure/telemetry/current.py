"""The span that the current code runs in. A module of its own so that logs find it without loading the SDK."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TypeAlias

from domain.ports.telemetry import Span

_CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)

Entered: TypeAlias = Token[Span | None]

current_span = _CURRENT.get
enter = _CURRENT.set


def leave(entered: Entered) -> None:
    try:
        _CURRENT.reset(entered)
    except ValueError:
        # A generator that was closed from another task: its context is gone, and the span with it.
        return
