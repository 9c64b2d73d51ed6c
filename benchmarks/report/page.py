"""The text of docs/benchmarks.md: `page.md.j2` with the figures of latest.json, and two of capacity.json, in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.capacity.results import Results as Capacity
from benchmarks.contenders import CONTENDERS
from benchmarks.report.markdown import records, render, table
from benchmarks.report.targets import targets
from benchmarks.suite import faults, measure, rounds, soak
from benchmarks.suite.results import Kill, Measure, Results, Round, median, percentile


def page(results: Results, capacity: Capacity) -> str:
    there = measured(results)
    failed = {one.contender for one in results.failures}
    return render(
        Path(__file__).with_name("page.md.j2"),
        results=results,
        contenders=[CONTENDERS[name] for name in there],
        missing=[one for one in CONTENDERS.values() if one.name not in {*there, *failed}],
        titles={name: one.title for name, one in CONTENDERS.items()},
        targets=list(targets(results, capacity)),
        speed=_table(results.rounds, _SPEED),
        cost=_table(results.rounds, _COST),
        kills=[kill for kill in results.kills if kill.kills == 1],
        storm=[kill for kill in results.kills if kill.kills > 1],
        killed=lambda kills: records(kills, _KILL),
        repeated=[one for one in results.rounds if not one.kept],
        drifted=[one for one in results.rounds if one.kept and one.drift > rounds.DRIFT],
        kept=[one for one in results.rounds if one.kept],
        plan=measure.FULL,
        measure=measure,
        faults=faults,
        soak=soak,
        rounds=rounds,
    )


def measured(results: Results) -> list[str]:
    """Names of who has figures, in the order of the table of contenders."""
    there = {take.contender for one in results.rounds if one.kept for take in one.takes}
    return [name for name in CONTENDERS if name in there]


def pooled_p99(results: Sequence[Round], contender: str) -> float:
    """Over all kept rounds: one round alone has too few events to tell."""
    takes = [take for one in results if one.kept and (take := one.take(contender))]
    came = [latency for take in takes for latency in take.latencies_ms]
    return percentile(came, 0.99, sum(take.missing_at_rate for take in takes))


def shown(value: float | None, form: str) -> str:
    if value is None:
        return "–"
    return form.format(value) if math.isfinite(value) else "∞"


_SPEED: Mapping[str, tuple[str, Measure | None]] = {
    "events/s": ("{:,.0f}", lambda take: take.events_per_second),
    "p50 ms": ("{:.1f}", lambda take: take.p50_ms),
    "p99 ms": ("{:.1f}", None),
    "events/s, 200 ms model": ("{:.0f}", lambda take: take.slow_events_per_second),
    "of the ideal": ("{:.0%}", lambda take: take.ideal_fraction),
    "model calls at a time": ("{:.0f}", lambda take: take.in_flight_most),
}
_COST: Mapping[str, tuple[str, Measure | None]] = {
    "CPU of the app": ("{:.2f}", lambda take: take.app_cpu_ms),
    "sidecar": ("{:.2f}", lambda take: take.sidecar_cpu_ms),
    "control plane": ("{:.2f}", lambda take: take.control_plane_cpu_ms),
    "Redis": ("{:.2f}", lambda take: take.redis_cpu_ms),
    "outside": ("{:.2f}", lambda take: take.outside_cpu_ms),
    "memory of the app, idle": ("{:.0f}", lambda take: take.rss_idle_mb),
    "after the load": ("{:.0f}", lambda take: take.rss_mb),
    "sidecar's": ("{:.0f}", lambda take: take.sidecar_rss_mb),
    "control plane's": ("{:.0f}", lambda take: take.control_plane_rss_mb),
    "cold start s": ("{:.2f}", lambda take: take.cold_start_s),
    "model calls per event": ("{:.2f}", lambda take: take.model_calls_per_event),
    "missing": ("{:.0f}", lambda take: take.missing),
    "doubled": ("{:.0f}", lambda take: take.doubled),
}


def _table(results: Sequence[Round], columns: Mapping[str, tuple[str, Measure | None]]) -> str:
    names = [name for name in CONTENDERS if any(one.kept and one.take(name) for one in results)]
    rows = []
    for name in names:
        cells = [_title(name)]
        for form, read in columns.values():
            value = median(results, name, read) if read else pooled_p99(results, name)
            cells.append(shown(value, form))
        rows.append(cells)
    return table(["", *columns], rows)


def _title(name: str) -> str:
    title = CONTENDERS[name].title
    return f"**{title}**" if name == "ours" else title


_KILL: Mapping[str, Callable[[Kill], str]] = {
    "": lambda kill: _title(kill.contender),
    "killed": lambda kill: kill.killed,
    "redelivery": lambda kill: kill.redelivery,
    "events/s": lambda kill: f"{kill.rate:g}",
    "lost": lambda kill: f"{kill.lost} of {kill.events:,}",
    "doubled": lambda kill: str(kill.doubled),
    "again, same id": lambda kill: str(kill.repeated),
    "model calls again": lambda kill: str(kill.calls_again),
    "last result": lambda kill: f"{kill.last_s:.1f} s",
}
