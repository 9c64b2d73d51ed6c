"""A line for each part on the terminal, as it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.capacity.results import Counted, Limits, Width


def told(part: str, measured: Any) -> str:
    """`measured` is what capacity.json keeps of the part: a record, or several."""
    if part in _RECORDS:
        return _RECORDS[part](measured)
    return ", ".join(map(_POINTS[part], measured))


def _counted(one: Counted) -> str:
    return f"{one.event_in} bytes in, {one.event_out} out, {sum(one.documents.values())} kept"


def _width(one: Width) -> str:
    return f"{one.tasks} tasks and {one.prompts} prompts against one of each, {len(one.turns)} turns"


def _limits(one: Limits) -> str:
    most = max(rate.events_per_second for rate in one.publishing)
    return f"{one.concurrency_in_flight} of {one.concurrency_offered} at a time, {most:.0f} published/s"


_RECORDS: Mapping[str, Callable[[Any], str]] = {"counted": _counted, "width": _width, "limits": _limits}
_POINTS: Mapping[str, Callable[[Any], str]] = {
    "payload": lambda one: f"{one.kilobytes} KB {one.load.events_per_second:.0f}/s",
    "latency": lambda one: f"{one.model_ms} ms {one.load.events_per_second:.0f}/s",
    "replicas": lambda one: f"{one.replicas} at {one.model_ms} ms {one.ratio:.2f}",
    "chain": lambda one: f"{one.hops} hops {one.p50_ms:.1f} ms",
    "side": lambda one: f"{one.agents} agents {one.load.events_per_second:.0f}/s",
}
