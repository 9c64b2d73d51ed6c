"""The metrics as Prometheus scrapes them: names with underscores, unit and `_total` at the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from domain.ports.telemetry import Attributes
from infrastructure.telemetry.metrics import Metrics, Series

_UNITS = {"s": "_seconds", "By": "_bytes"}


class PrometheusPage(Collector):
    """Renders the metrics, and with them the process's own: memory, CPU, open files."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> tuple[bytes, str]:
        """The body and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        for series in self._metrics.read():
            yield _histogram(series) if series.instrument.bounds else _counter(series)

    def describe(self) -> list[Metric]:
        """Nothing is known before it is recorded."""
        return []


def _counter(series: Series) -> Metric:
    labels = _labels(series)
    family = CounterMetricFamily(_name(series), series.instrument.description, labels=list(labels.values()))
    for point in series.points:
        family.add_metric(_values(labels, point.attributes), point.total)
    return family


def _histogram(series: Series) -> Metric:
    labels = _labels(series)
    family = HistogramMetricFamily(_name(series), series.instrument.description, labels=list(labels.values()))
    for point in series.points:
        bounds = [*map(floatToGoString, point.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(point.buckets), strict=True))
        family.add_metric(_values(labels, point.attributes), buckets, point.total)
    return family


def _name(series: Series) -> str:
    return series.name.replace(".", "_") + _UNITS.get(series.instrument.unit, "")


def _labels(series: Series) -> dict[str, str]:
    """Attribute → label. Every point of a family has all of its labels, empty where it lacks the attribute."""
    attributes = sorted({name for point in series.points for name in point.attributes})
    return {name: name.replace(".", "_") for name in attributes}


def _values(labels: dict[str, str], attributes: Attributes) -> list[str]:
    return [_text(attributes.get(name, "")) for name in labels]


def _text(value: str | float | bool) -> str:  # noqa: FBT001  # a label's value
    return str(value).lower() if isinstance(value, bool) else str(value)
