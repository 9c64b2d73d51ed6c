from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import getrandbits

from domain.errors import AgentError
from domain.ports.telemetry import Attributes
from domain.trace_context import TraceContext, parse_traceparent

_CURRENT: ContextVar[MemorySpan | None] = ContextVar("memory_span", default=None)


@dataclass(eq=False)
class MemorySpan:
    """`error` is the code (or class) of the exception that ended it."""

    name: str
    kind: str
    context: TraceContext
    parent: TraceContext | None
    attributes: dict[str, str | float | bool] = field(default_factory=dict)
    error: str | None = None

    def set(self, attributes: Attributes) -> None:
        self.attributes.update(attributes)

    @property
    def traceparent(self) -> str:
        return self.context.traceparent


class MemoryTelemetry:
    """Keeps everything: `spans` in the order in which they ended."""

    def __init__(self) -> None:
        self.spans: list[MemorySpan] = []
        self._counts: list[tuple[str, int, Mapping[str, object]]] = []
        self._values: list[tuple[str, float, Mapping[str, object]]] = []

    @contextmanager
    def span(
        self,
        name: str,
        kind: str = "internal",
        traceparent: str | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[MemorySpan]:
        given = parse_traceparent(traceparent) if traceparent else None
        above = _CURRENT.get()
        parent = given or (above.context if above else None)
        trace_id = parent.trace_id if parent else getrandbits(128)
        context = TraceContext(trace_id, getrandbits(64), parent.sampled if parent else True)
        span = MemorySpan(name, kind, context, parent, dict(attributes or {}))
        entered = _CURRENT.set(span)
        try:
            yield span
        except BaseException as error:
            span.error = error.code if isinstance(error, AgentError) else type(error).__qualname__
            raise
        finally:
            _CURRENT.reset(entered)
            if context.sampled:
                self.spans.append(span)

    def count(self, name: str, amount: int = 1, attributes: Attributes | None = None) -> None:
        self._counts.append((name, amount, dict(attributes or {})))

    def record(self, name: str, value: float, attributes: Attributes | None = None) -> None:
        self._values.append((name, value, dict(attributes or {})))

    def counted(self, name: str, **attributes: object) -> int:
        """The sum of what was counted under a name with these attributes, whatever the others."""
        return sum(
            amount
            for known, amount, given in self._counts
            if known == name and attributes.items() <= given.items()
        )

    def recorded(self, name: str, **attributes: object) -> list[float]:
        """The values that were recorded under a name with these attributes, in order."""
        return [
            value
            for known, value, given in self._values
            if known == name and attributes.items() <= given.items()
        ]
