"""Spans at a price that the hot path can pay: about a tenth of the SDK's own.

The SDK's tracer needs 20–30 µs of CPU for a span, and its OTLP encoder as much again; with six or seven spans for an
event that is half of what the whole event costs (`benchmarks/telemetry_cost.py`). So a span is recorded here, and at its
end handed to the SDK as a `ReadableSpan`: resource, sampler, batching, exporters and their OTEL_* settings are the SDK's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from random import getrandbits
from threading import Thread
from time import time_ns
from types import TracebackType
from typing import Self

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from domain.ports.telemetry import Attributes, Span
from domain.trace_context import TraceContext, parse_traceparent
from infrastructure.telemetry.call import error_type
from infrastructure.telemetry.current import Entered, current_span, enter, leave

_KINDS = {kind.name.lower(): kind for kind in SpanKind}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET = Status(StatusCode.UNSET)
_DESCRIPTION_LIMIT = 1024


class Tracer:
    """Makes spans; `processor` gets those that were sampled, when they end, and feeds `exporters`."""

    def __init__(
        self,
        processor: SpanProcessor,
        sampler: Sampler,
        resource: Resource,
        exporters: Sequence[SpanExporter] = (),
    ) -> None:
        self.processor = processor
        self.resource = resource
        self.scope = InstrumentationScope("my-agents")
        self._sampler = sampler
        self._exporters = exporters

    def span(
        self, name: str, kind: str, traceparent: str | None, attributes: Attributes | None
    ) -> AbstractContextManager[Span]:
        given = parse_traceparent(traceparent) if traceparent else None
        parent = None if given else current_span()
        # Every standard sampler decides by the trace id or its parent, so the decision holds for all spans below.
        if isinstance(parent, RecordedSpan):
            return RecordedSpan(self, name, _KINDS[kind], attributes, parent=parent.context)
        if parent is not None:
            return nullcontext(parent)
        return self._first(name, _KINDS[kind], given, attributes)

    def close(self, timeout: float) -> None:
        """Send what is left, for at most `timeout` seconds; then give up what cannot be sent."""
        flushing = Thread(target=self.processor.shutdown, daemon=True)
        flushing.start()
        flushing.join(timeout)
        if flushing.is_alive():
            for exporter in self._exporters:
                exporter.shutdown()

    def _first(
        self, name: str, kind: SpanKind, given: TraceContext | None, attributes: Attributes | None
    ) -> AbstractContextManager[Span]:
        """The first span of this process in a trace: whether to record the trace is decided here."""
        remote = given and SpanContext(
            given.trace_id, given.span_id, is_remote=True, trace_flags=TraceFlags(given.sampled)
        )
        trace_id = given.trace_id if given else getrandbits(128)
        above = set_span_in_context(NonRecordingSpan(remote)) if remote else None
        decision = self._sampler.should_sample(above, trace_id, name, kind, attributes).decision
        if decision is Decision.RECORD_AND_SAMPLE:
            return RecordedSpan(self, name, kind, attributes, parent=remote, trace_id=trace_id)
        span_id = given.span_id if given else getrandbits(64)
        return UnsampledSpan(TraceContext(trace_id, span_id, sampled=False))


class RecordedSpan:
    __slots__ = ("_attributes", "_entered", "_kind", "_name", "_parent", "_start", "_tracer", "context")

    def __init__(
        self,
        tracer: Tracer,
        name: str,
        kind: SpanKind,
        attributes: Attributes | None,
        *,
        parent: SpanContext | None,
        trace_id: int = 0,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._parent = parent
        self._attributes = dict(attributes) if attributes else {}
        self._entered: Entered
        self._start = 0
        self.context = SpanContext(
            parent.trace_id if parent else trace_id, getrandbits(64), is_remote=False, trace_flags=_SAMPLED
        )

    def set(self, attributes: Attributes) -> None:
        self._attributes.update(attributes)

    @property
    def traceparent(self) -> str:
        return TraceContext(self.context.trace_id, self.context.span_id, sampled=True).traceparent

    def __enter__(self) -> Self:
        self._entered = enter(self)
        self._start = time_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end = time_ns()
        leave(self._entered)
        self._tracer.processor.on_end(
            ReadableSpan(
                self._name,
                self.context,
                self._parent,
                self._tracer.resource,
                self._attributes,
                kind=self._kind,
                status=_UNSET if error is None else self._failed(error),
                start_time=self._start,
                end_time=end,
                instrumentation_scope=self._tracer.scope,
            )
        )

    def _failed(self, error: BaseException) -> Status:
        self._attributes["error.type"] = error_type(error)
        return Status(StatusCode.ERROR, str(error)[:_DESCRIPTION_LIMIT])


class UnsampledSpan:
    """Records nothing, for itself and all below, and says so to whom it calls."""

    __slots__ = ("_entered", "traceparent")

    def __init__(self, context: TraceContext) -> None:
        self.traceparent = context.traceparent
        self._entered: Entered

    def set(self, attributes: Attributes) -> None: ...

    def __enter__(self) -> Self:
        self._entered = enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave(self._entered)
