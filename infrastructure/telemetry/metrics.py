"""Counters and histograms in memory, read by `prometheus.py` when scraped and by `push.py` on its interval.

They are kept here because the SDK's instruments cost 7–8 µs for each measurement, ten times as much as these, and an
event makes about ten (`benchmarks/telemetry_cost.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

from domain.ports.telemetry import Attributes
from infrastructure.telemetry.instruments import (
    INSTRUMENTS,
    UNLISTED_COUNTER,
    UNLISTED_HISTOGRAM,
    Instrument,
)

MAX_POINTS = 500
"""Sets of attributes that one metric keeps; what comes after shares one point, marked as the SDK marks it."""
_OVERFLOW = {"otel.metric.overflow": True}


@dataclass(slots=True)
class Point:
    """`total` is the sum of what was counted or recorded; `buckets` counts a histogram's values, one more than its bounds."""

    attributes: Attributes
    bounds: tuple[float, ...]
    total: float
    buckets: list[int]

    def copy(self) -> Point:
        return Point(self.attributes, self.bounds, self.total, self.buckets.copy())


@dataclass(frozen=True, slots=True)
class Series:
    """One metric as it was at a moment."""

    name: str
    instrument: Instrument
    points: list[Point]


class Metrics:
    def __init__(self) -> None:
        self._lock = Lock()
        self._series: dict[str, tuple[Instrument, dict[Hashable, Point]]] = {}
        # By attributes in the order in which the caller gave them: sorting is left to the first time.
        self._seen: dict[Hashable, Point] = {}

    def count(self, name: str, amount: int = 1, attributes: Attributes | None = None) -> None:
        key = (name, *attributes.items()) if attributes else name
        with self._lock:
            point = self._seen.get(key) or self._point(key, name, attributes, UNLISTED_COUNTER)
            point.total += amount

    def record(self, name: str, value: float, attributes: Attributes | None = None) -> None:
        key = (name, *attributes.items()) if attributes else name
        with self._lock:
            point = self._seen.get(key) or self._point(key, name, attributes, UNLISTED_HISTOGRAM)
            point.buckets[bisect_left(point.bounds, value)] += 1
            point.total += value

    def read(self) -> list[Series]:
        with self._lock:
            return [
                Series(name, instrument, [point.copy() for point in points.values()])
                for name, (instrument, points) in self._series.items()
            ]

    def _point(self, key: Hashable, name: str, attributes: Attributes | None, unlisted: Instrument) -> Point:
        instrument, points = self._series.setdefault(name, (INSTRUMENTS.get(name, unlisted), {}))
        attributes = dict(attributes or {})
        place = tuple(sorted(attributes.items()))
        if place not in points and len(points) >= MAX_POINTS:
            # Not remembered under its key: those are without bound.
            return points.setdefault("overflow", _empty(_OVERFLOW, instrument))
        point = points.setdefault(place, _empty(attributes, instrument))
        self._seen[key] = point
        return point


def _empty(attributes: Attributes, instrument: Instrument) -> Point:
    bounds = instrument.bounds or ()
    return Point(attributes, bounds, 0, [0] * (len(bounds) + 1))
