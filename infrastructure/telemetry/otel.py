"""`Telemetry` by OpenTelemetry: spans to the exporters that OTEL_* names, metrics to Prometheus and, when named, by push.

The SDK is loaded only when something is to be exported, Prometheus' client when somebody scrapes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING

from domain.ports.telemetry import Attributes, Span
from infrastructure.telemetry.environment import exporters, metric_interval
from infrastructure.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from infrastructure.telemetry.prometheus import PrometheusPage
    from infrastructure.telemetry.push import MetricPush
    from infrastructure.telemetry.tracing import Tracer


class _NoSpan:
    """Stands for every span while nothing is traced."""

    traceparent = None

    def set(self, attributes: Attributes) -> None: ...


_NO_SPAN: AbstractContextManager[Span] = nullcontext(_NoSpan())


class OtelTelemetry:
    def __init__(
        self, metrics: Metrics, tracer: Tracer | None = None, pushes: Sequence[MetricPush] = ()
    ) -> None:
        self._tracer = tracer
        self._pushes = pushes
        self._metrics = metrics
        # The metrics' own functions: a call less for each of the ten measurements of an event.
        self.count = metrics.count
        self.record = metrics.record

    def span(
        self,
        name: str,
        kind: str = "internal",
        traceparent: str | None = None,
        attributes: Attributes | None = None,
    ) -> AbstractContextManager[Span]:
        if self._tracer is None:
            return _NO_SPAN
        return self._tracer.span(name, kind, traceparent, attributes)

    def prometheus_text(self) -> tuple[bytes, str]:
        """What `/metrics` answers: the body and its content type."""
        return self._page.render()

    @cached_property
    def _page(self) -> PrometheusPage:
        # Imported with the first scrape: Prometheus' client is no part of a start.
        from infrastructure.telemetry.prometheus import PrometheusPage  # noqa: PLC0415

        return PrometheusPage(self._metrics)

    def close(self, timeout: float = 2.0) -> None:
        """Send what is left, for at most `timeout` seconds in all: a collector that is gone must not hold a shutdown up.

        Blocks: call it in a thread.
        """
        end = monotonic() + timeout
        if self._tracer:
            self._tracer.close(timeout)
        for push in self._pushes:
            push.close(max(0.1, end - monotonic()))


def telemetry_from_environment(service: str) -> OtelTelemetry:
    """Telemetry of one service, as the OTEL_* environment asks. `service` is its name where OTEL_SERVICE_NAME is not set.

    Raises:
        ValueError: a setting with an impossible value, named in the message.

    """
    traces, pushed = exporters("TRACES"), exporters("METRICS")
    metrics = Metrics()
    if not traces and not pushed:
        return OtelTelemetry(metrics)
    resource = _resource(service)
    tracer = _tracer(traces, resource) if traces else None
    return OtelTelemetry(metrics, tracer, _pushes(pushed, metrics, resource))


def _resource(service: str) -> Resource:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": service}))
    return resource


def _tracer(names: Sequence[str], resource: Resource) -> Tracer:
    from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SimpleSpanProcessor,
    )

    from infrastructure.telemetry.tracing import Tracer  # noqa: PLC0415

    exporting = []
    processors = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
    for name in names:
        if name == "console":
            console = ConsoleSpanExporter(
                out=sys.stdout, formatter=lambda span: span.to_json(indent=None) + "\n"
            )
            processors.add_span_processor(SimpleSpanProcessor(console))
        else:
            from infrastructure.telemetry.otlp import SpanExporter  # noqa: PLC0415

            exporter = SpanExporter()
            exporting.append(exporter)
            processors.add_span_processor(BatchSpanProcessor(exporter))
    # Only for the sampler that OTEL_TRACES_SAMPLER names.
    sampler = TracerProvider(resource=resource, shutdown_on_exit=False).sampler
    return Tracer(processors, sampler, resource, exporting)


def _pushes(names: Sequence[str], metrics: Metrics, resource: Resource) -> list[MetricPush]:
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricExporter  # noqa: PLC0415

    from infrastructure.telemetry.push import MetricPush  # noqa: PLC0415

    pushes = []
    for name in names:
        exporter: MetricExporter
        if name == "console":
            exporter = ConsoleMetricExporter(
                out=sys.stdout, formatter=lambda data: data.to_json(indent=None) + "\n"
            )
        else:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415

            exporter = OTLPMetricExporter()
        pushes.append(MetricPush(metrics, exporter, resource, metric_interval()))
    return pushes
