"""Sends the metrics to an exporter of the SDK, again and again, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event, Thread
from time import time_ns

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from infrastructure.telemetry.metrics import Metrics, Point, Series

log = logging.getLogger(__name__)


class MetricPush:
    """`interval` is in seconds. The last values go out when it is closed."""

    def __init__(
        self, metrics: Metrics, exporter: MetricExporter, resource: Resource, interval: float
    ) -> None:
        self._metrics = metrics
        self._exporter = exporter
        self._resource = resource
        self._interval = interval
        self._start = time_ns()
        self._closing = Event()
        self._thread = Thread(target=self._run, name="metric-push", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Wait at most `timeout` seconds for the last push."""
        self._closing.set()
        self._thread.join(timeout)
        self._exporter.shutdown()

    def _run(self) -> None:
        last = False
        while not last:
            last = self._closing.wait(self._interval)
            try:
                self._exporter.export(to_metrics_data(self._metrics.read(), self._resource, self._start))
            except Exception:
                log.exception("metrics could not be pushed; the next try is in %s s", self._interval)


def to_metrics_data(read: Sequence[Series], resource: Resource, start: int) -> MetricsData:
    """The SDK's form of what was read, cumulative since `start` (Unix time in nanoseconds)."""
    now = time_ns()
    metrics = [
        Metric(
            series.name,
            series.instrument.description,
            series.instrument.unit,
            Histogram(
                [_histogram(point, start, now) for point in series.points], AggregationTemporality.CUMULATIVE
            )
            if series.instrument.bounds
            else Sum(
                [NumberDataPoint(point.attributes, start, now, point.total) for point in series.points],
                AggregationTemporality.CUMULATIVE,
                is_monotonic=True,
            ),
        )
        for series in read
    ]
    scope = ScopeMetrics(InstrumentationScope("my-agents"), metrics, schema_url="")
    return MetricsData([ResourceMetrics(resource, [scope], schema_url="")])


def _histogram(point: Point, start: int, now: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=point.attributes,
        start_time_unix_nano=start,
        time_unix_nano=now,
        count=sum(point.buckets),
        sum=point.total,
        bucket_counts=point.buckets,
        explicit_bounds=point.bounds,
        min=None,  # type: ignore[arg-type]  # optional in OTLP, and of no use since the process began
        max=None,  # type: ignore[arg-type]
    )
