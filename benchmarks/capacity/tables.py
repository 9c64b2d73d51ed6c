"""The tables of docs/capacity.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.capacity.results import (
    Chain,
    Latency,
    Load,
    Payload,
    Publishing,
    Replicas,
    Side,
    Size,
)
from benchmarks.capacity.sizing import Cluster
from benchmarks.report.markdown import table


def payload(found: Sequence[Payload]) -> str:
    head = ["content", "events/s", "MB/s in", "p50 ms", "CPU app", "sidecar", "Redis", "writes", "reads", "app MB", "sidecar MB"]  # fmt: skip
    return table(
        head,
        (
            [
                f"{one.kilobytes:,} KB",
                f"{one.load.events_per_second:,.0f}",
                f"{one.load.events_per_second * one.kilobytes * 1024 / 1e6:,.1f}",
                f"{one.p50_ms:.1f}",
                *_cpu(one.load),
                f"{one.load.writes:.2f}",
                f"{one.load.reads:.2f}",
                *_memory(one.load),
            ]
            for one in found
        ),
    )


def latency(found: Sequence[Latency]) -> str:
    head = ["model", "events/s", "ideal", "of it", "in flight", "CPU app", "sidecar", "writes", "reads"]
    return table(
        head,
        (
            [
                f"{one.model_ms:,} ms",
                f"{one.load.events_per_second:,.0f}",
                f"{one.ideal:,.0f}" if one.ideal else "–",
                f"{one.load.events_per_second / one.ideal:.0%}" if one.ideal else "–",
                str(one.load.in_flight_most),
                *_cpu(one.load)[:2],
                f"{one.load.writes:.2f}",
                f"{one.load.reads:.2f}",
            ]
            for one in found
        ),
    )


def replicas(found: Sequence[Replicas]) -> str:
    head = ["round", "model", "replicas", "events/s", "against one", "in flight", "cores busy"]
    return table(
        head,
        (
            [
                str(one.round),
                f"{one.model_ms:,} ms",
                str(one.replicas),
                f"{one.load.events_per_second:,.0f}",
                f"{one.ratio:.2f}",
                str(one.load.in_flight_most),
                f"{one.load.cores:.2f}",
            ]
            for one in sorted(found, key=lambda one: (one.round, one.model_ms, one.replicas))
        ),
    )


def chain(found: Sequence[Chain]) -> str:
    head = ["hops", "chains/s", "hops/s", "p50 ms", "per hop", "CPU app per hop", "sidecar", "Redis", "writes per hop"]  # fmt: skip
    return table(
        head,
        (
            [
                str(one.hops),
                f"{one.load.events_per_second:,.0f}",
                f"{one.load.events_per_second * one.hops:,.0f}",
                f"{one.p50_ms:.1f}",
                f"{one.p50_ms / one.hops:.1f}",
                *(f"{value / one.hops:.2f}" for value in _figures(one.load)),
                f"{one.load.writes / one.hops:.2f}",
            ]
            for one in found
        ),
    )


def side(found: Sequence[Side]) -> str:
    head = ["agents", "apps, idle MB", "sidecars, idle MB", "cores, idle", "events/s", "CPU app", "sidecar", "cores busy", "apps MB", "sidecars MB"]  # fmt: skip
    return table(
        head,
        (
            [
                str(one.agents),
                f"{one.idle_app_mb:.0f}",
                f"{one.idle_sidecar_mb:.0f}",
                f"{one.idle_cores:.3f}",
                f"{one.load.events_per_second:,.0f}",
                *_cpu(one.load)[:2],
                f"{one.load.cores:.2f}",
                *_memory(one.load),
            ]
            for one in found
        ),
    )


def width(found: dict[str, tuple[float, float, float]]) -> str:
    return table(
        ["many against one", "median of the ratios", "between", "a change"],
        (
            [name, f"{middle:.3f}", f"{low:.3f} and {high:.3f}", "none that could be measured" if low <= 1 <= high else "**yes**"]
            for name, (middle, low, high) in found.items()
        ),
    )  # fmt: skip


def sizes(found: Sequence[Size]) -> str:
    return table(
        ["event", "its content", "became"],
        (
            [
                f"{one.bytes:,} bytes",
                "passed on" if one.passed_on else "taken in",
                f"dead letter `{one.became}`: {one.message}" if one.message else one.became,
            ]
            for one in found
        ),
    )


def publishing(found: Sequence[Publishing]) -> str:
    return table(
        ["callers at a time", "events/s", "CPU of the sidecar, ms per event"],
        ([str(one.callers), f"{one.events_per_second:,.0f}", f"{one.sidecar_cpu_ms:.3f}"] for one in found),
    )


def clusters(found: Sequence[Cluster]) -> str:
    rows: Sequence[tuple[str, Callable[[Cluster], str]]] = (
        ("pods by CPU", lambda one: f"{one.pods_by_cpu:.1f}"),
        ("pods by places", lambda one: f"{one.pods_by_places:.1f}"),
        ("**pods**", lambda one: f"**{one.pods}**"),
        ("cores, with headroom", lambda one: f"{one.cores:.1f}"),
        ("memory, with headroom", lambda one: f"{one.memory_mb / 1000:.1f} GB"),
        ("**nodes**", lambda one: f"**{one.nodes}**"),
        ("Service Bus, MB/s", lambda one: f"{one.mb_per_second:.1f}"),
        ("**messaging units**", lambda one: f"**{one.units}**"),
        ("RU per event: creates", lambda one: f"{one.store.create_ru:.1f}"),
        ("pulse", lambda one: f"{one.store.pulse_ru:.1f}"),
        ("expiry", lambda one: f"{one.store.expiry_ru:.1f}"),
        ("**RU/s**", lambda one: f"**{one.ru_per_second:,}**"),
        ("storage, GB", lambda one: f"{one.storage_gb:,.0f}"),
    )
    lines = [[title, *(read(one) for one in found)] for title, read in rows]
    costs = [one.usd_per_month for one in found]
    lines += [[f"USD a month: {name}", *(f"{cost[name]:,.0f}" for cost in costs)] for name in costs[0]]
    lines.append(["**USD for a million events**", *(f"**{one.usd_per_million:.2f}**" for one in found)])
    return table(["a model that takes", *(f"{one.model_s:g} s" for one in found)], lines)


def _figures(load: Load) -> tuple[float, float, float]:
    return load.app_cpu_ms, load.sidecar_cpu_ms, load.redis_cpu_ms


def _cpu(load: Load) -> list[str]:
    return [f"{value:.2f}" for value in _figures(load)]


def _memory(load: Load) -> list[str]:
    return [f"{load.app_mb:.0f}", f"{load.sidecar_mb:.0f}"]
