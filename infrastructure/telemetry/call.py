"""One call to something outside: a span, how long it took, and how it ended."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType

from domain.errors import AgentError
from domain.ports.telemetry import Attributes, Span, Telemetry


class Call:
    """Spans the block and records its seconds into `histogram`, under `labels` and, when it fails, `error.type`."""

    __slots__ = ("_histogram", "_labels", "_span", "_start", "_telemetry")

    def __init__(
        self,
        telemetry: Telemetry,
        name: str,
        *,
        kind: str,
        histogram: str,
        labels: Attributes,
        attributes: Attributes,
        traceparent: str | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._histogram = histogram
        self._labels = labels
        self._span = telemetry.span(name, kind, traceparent, attributes)
        self._start = 0.0

    def __enter__(self) -> Span:
        self._start = perf_counter()
        return self._span.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = perf_counter() - self._start
        self._span.__exit__(kind, error, traceback)
        labels = self._labels if error is None else {**self._labels, "error.type": error_type(error)}
        self._telemetry.record(self._histogram, seconds, labels)


def error_type(error: BaseException) -> str:
    """The low-cardinality name of an error: the stable code of ours, the class of others."""
    return error.code if isinstance(error, AgentError) else type(error).__qualname__
