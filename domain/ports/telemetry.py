from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

Attributes: TypeAlias = Mapping[str, str | float | bool]


class Span(Protocol):
    def set(self, attributes: Attributes) -> None: ...

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of this span, None when nothing is traced."""
        ...


class Telemetry(Protocol):
    def span(
        self,
        name: str,
        kind: str = "internal",
        traceparent: str | None = None,
        attributes: Attributes | None = None,
    ) -> AbstractContextManager[Span]:
        """A span that is current until the block ends; an exception marks it failed.

        `kind` is internal, server, client, producer or consumer; `traceparent` makes it a child of another process's span.
        """
        ...

    def count(self, name: str, amount: int = 1, attributes: Attributes | None = None) -> None:
        """Add to a counter, e.g. `agents.executions` with `agent`, `task`, `status`."""
        ...

    def record(self, name: str, value: float, attributes: Attributes | None = None) -> None:
        """Record into a histogram (seconds for durations)."""
        ...
