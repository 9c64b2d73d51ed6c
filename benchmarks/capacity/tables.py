"""The tables of docs/capacity.md: of each the columns, by their heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.capacity.findings import Ratios, none_told
from benchmarks.capacity.results import (
    Chain,
    Latency,
    Load,
    Loaded,
    Made,
    Payload,
    Publishing,
    Replicas,
    Side,
    Size,
)
from benchmarks.capacity.sizes import Installation
from benchmarks.capacity.sizing import Cluster
from benchmarks.report.markdown import table
from benchmarks.suite.rounds import DRIFT


def _load(form: str, value: Callable[[Load], float]) -> Callable[[Loaded], str]:
    return lambda one: form.format(value(one.load))


_RATE = {"events/s": _load("{:,.0f}", lambda load: load.events_per_second)}
_CPU = {
    "CPU app": _load("{:.2f}", lambda load: load.app_cpu_ms),
    "sidecar": _load("{:.2f}", lambda load: load.sidecar_cpu_ms),
}
_STORE = {
    "writes": _load("{:.2f}", lambda load: load.writes),
    "reads": _load("{:.2f}", lambda load: load.reads),
}
PAYLOAD: Mapping[str, Callable[[Payload], str]] = {
    "content": lambda one: f"{one.kilobytes:,} KB",
    **_RATE,
    "MB/s in": lambda one: f"{one.load.events_per_second * one.kilobytes * 1024 / 1e6:,.1f}",
    "p50 ms": lambda one: f"{one.p50_ms:.1f}",
    **_CPU,
    "Redis": _load("{:.2f}", lambda load: load.redis_cpu_ms),
    **_STORE,
    "app MB": _load("{:.0f}", lambda load: load.app_mb),
    "sidecar MB": _load("{:.0f}", lambda load: load.sidecar_mb),
}
LATENCY: Mapping[str, Callable[[Latency], str]] = {
    "model": lambda one: f"{one.model_ms:,} ms",
    **_RATE,
    "ideal": lambda one: f"{one.ideal:,.0f}" if one.ideal else "–",
    "of it": lambda one: f"{one.load.events_per_second / one.ideal:.0%}" if one.ideal else "–",
    "in flight": _load("{}", lambda load: load.in_flight_most),
    **_CPU,
    **_STORE,
}
REPLICAS: Mapping[str, Callable[[Replicas], str]] = {
    "round": lambda one: str(one.round),
    "model": lambda one: f"{one.model_ms:,} ms",
    "replicas": lambda one: str(one.replicas),
    **_RATE,
    "against one": lambda one: f"{one.ratio:.2f}",
    "in flight": _load("{}", lambda load: load.in_flight_most),
    "cores busy": _load("{:.2f}", lambda load: load.cores),
}
CHAIN: Mapping[str, Callable[[Chain], str]] = {
    "hops": lambda one: str(one.hops),
    "chains/s": _load("{:,.0f}", lambda load: load.events_per_second),
    "hops/s": lambda one: f"{one.load.events_per_second * one.hops:,.0f}",
    "p50 ms": lambda one: f"{one.p50_ms:.1f}",
    "per hop": lambda one: f"{one.p50_ms / one.hops:.1f}",
    "CPU app per hop": lambda one: f"{one.load.app_cpu_ms / one.hops:.2f}",
    "sidecar": lambda one: f"{one.load.sidecar_cpu_ms / one.hops:.2f}",
    "Redis": lambda one: f"{one.load.redis_cpu_ms / one.hops:.2f}",
    "writes per hop": lambda one: f"{one.load.writes / one.hops:.2f}",
}
SIDE: Mapping[str, Callable[[Side], str]] = {
    "agents": lambda one: str(one.agents),
    "apps, idle MB": lambda one: f"{one.idle_app_mb:.0f}",
    "sidecars, idle MB": lambda one: f"{one.idle_sidecar_mb:.0f}",
    "cores, idle": lambda one: f"{one.idle_cores:.3f}",
    **_RATE,
    **_CPU,
    "cores busy": _load("{:.2f}", lambda load: load.cores),
    "apps MB": _load("{:.0f}", lambda load: load.app_mb),
    "sidecars MB": _load("{:.0f}", lambda load: load.sidecar_mb),
}
WIDTH: Mapping[str, Callable[[tuple[str, Ratios]], str]] = {
    "many against one": lambda one: one[0],
    "median of the ratios": lambda one: f"{one[1][0]:.3f}",
    "between": lambda one: f"{one[1][1]:.3f} and {one[1][2]:.3f}",
    "a change": lambda one: "none that could be measured" if none_told(one[1]) else "**yes**",
}
SIZES: Mapping[str, Callable[[Size], str]] = {
    "event": lambda one: f"{one.bytes:,} bytes",
    "its content": lambda one: "passed on" if one.passed_on else "taken in",
    "became": lambda one: f"dead letter `{one.became}`: {one.message}" if one.message else one.became,
}
PUBLISHING: Mapping[str, Callable[[Publishing], str]] = {
    "callers at a time": lambda one: str(one.callers),
    "events/s": lambda one: f"{one.events_per_second:,.0f}",
    "CPU of the sidecar, ms per event": lambda one: f"{one.sidecar_cpu_ms:.3f}",
}
MADE: Mapping[str, Callable[[tuple[str, Made]], str]] = {
    "part": lambda one: one[0],
    "measured": lambda one: one[1].when,
    "cores": lambda one: f"{one[1].machine['cores']} ({one[1].machine['cpu']})",
    "memory": lambda one: one[1].machine["memory"],
    "Linux": lambda one: one[1].machine["kernel"],
    "the control run changed by": lambda one: (
        f"{one[1].drift:.0%}{', **too much**' if one[1].drift > DRIFT else ''}"
    ),
}
_CLUSTERS: Mapping[str, Callable[[Cluster], str]] = {
    "pods by CPU": lambda one: f"{one.pods_by_cpu:.1f}",
    "pods by places": lambda one: f"{one.pods_by_places:.1f}",
    "**pods**": lambda one: f"**{one.pods}**",
    "cores, with headroom": lambda one: f"{one.cores:.1f}",
    "memory, with headroom": lambda one: f"{one.memory_mb / 1000:.1f} GB",
    "**nodes**": lambda one: f"**{one.nodes}**",
    "Service Bus, MB/s": lambda one: f"{one.mb_per_second:.1f}",
    "**messaging units**": lambda one: f"**{one.units}**",
    "RU per event: creates": lambda one: f"{one.store.create_ru:.1f}",
    "pulse": lambda one: f"{one.store.pulse_ru:.1f}",
    "expiry": lambda one: f"{one.store.expiry_ru:.1f}",
    "**RU/s**": lambda one: f"**{one.ru_per_second:,}**",
    "storage, GB": lambda one: f"{one.storage_gb:,.0f}",
}


def clusters(found: Sequence[Cluster]) -> str:
    """A column for each."""
    lines = [[title, *map(cell, found)] for title, cell in _CLUSTERS.items()]
    costs = [one.usd_per_month for one in found]
    lines += [[f"USD a month: {name}", *(f"{cost[name]:,.0f}" for cost in costs)] for name in costs[0]]
    lines.append(["**USD for a million events**", *(f"**{one.usd_per_million:.2f}**" for one in found)])
    return table(["a model that takes", *(f"{one.model_s:g} s" for one in found)], lines)


_INSTALLATIONS: Mapping[str, Callable[[Installation], str]] = {
    "events a day": lambda one: f"{one.rate * 86_400:,}",
    "**pods** (five agents)": lambda one: f"**{one.pods}**",
    "**nodes**, by requests": lambda one: f"**{one.nodes}**",
    "writes for an event": lambda one: f"{one.writes:.2f}",
    "bytes kept of an event": lambda one: f"{one.kept_bytes:,}",
    "RU for an event": lambda one: f"{one.ru:.1f}",
    "**RU/s**": lambda one: f"**{one.ru_per_second:,}**",
    "storage, GB": lambda one: f"{one.storage_gb:,.0f}",
    "Service Bus, MB/s": lambda one: f"{one.mb_per_second:.2f}",
    "**messaging units**": lambda one: f"**{one.units}**",
    "tokens a minute, for each 1,000 of an event": lambda one: f"{one.tokens_per_minute:,}",
}


def installations(found: Sequence[Installation]) -> str:
    """A column for each."""
    lines = [[title, *map(cell, found)] for title, cell in _INSTALLATIONS.items()]
    costs = [one.usd_per_month for one in found]
    lines += [[f"USD a month: {name}", *(f"{cost[name]:,.0f}" for cost in costs)] for name in costs[0]]
    lines.append(
        ["**USD a month, without the model**", *(f"**{sum(cost.values()):,.0f}**" for cost in costs)]
    )
    lines += [
        [
            f"USD a month: each 1,000 {side} tokens of an event",
            *(f"{one.usd_for_tokens[number]:,.0f}" for one in found),
        ]
        for number, side in enumerate(("input", "output"))
    ]
    return table(
        ["", *(f"{one.name}, {one.rate:,} event{'s' if one.rate > 1 else ''}/s" for one in found)], lines
    )
