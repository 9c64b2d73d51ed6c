"""What the product wants to reach, and whether the latest runs did: a row for each, measured or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.capacity.findings import WANTED_OF_THREE, compared, none_told, scaling
from benchmarks.capacity.results import Results as Capacity
from benchmarks.capacity.room.many import PROMPTS, TASKS
from benchmarks.suite import faults
from benchmarks.suite.results import Kill, Results, Soak

NOT_YET = "not measured yet"


@dataclass(frozen=True)
class Target:
    """`met`: None where nothing was measured."""

    text: str
    wanted: str
    found: str = NOT_YET
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "**missed**", None: ""}[self.met]


_BARE = "FastAPI with the Dapr SDK and openai"
_TUNED = "FastAPI tuned (openai on aiohttp)"
_AT_LEAST = {
    "throughput_vs_bare": (f"throughput, against {_BARE}", 2.5),
    "throughput_vs_bare_aiohttp": (f"throughput, against {_TUNED}", 2.5),
    "throughput_vs_langgraph": ("throughput, against LangGraph", 3.5),
    "throughput_vs_langgraph_aiohttp": ("throughput, against LangGraph tuned (openai on aiohttp)", 3.5),
    "throughput_vs_dapr_workflow": ("throughput, against Dapr Workflow with its default threads", 10),
    "throughput_vs_dapr_agents": ("throughput, against DurableAgent as it comes", 50),
    "throughput_vs_dapr_agents_no_memory": ("throughput, against DurableAgent with its memory off", 35),
    "ideal_fraction_200ms": ("share of the ideal at a model of 200 ms, 64 offered", 0.95),
}
_AT_MOST = {
    "p50_vs_bare": (f"p50 latency, against {_BARE}", 0.8),
    "p50_vs_bare_aiohttp": (f"p50 latency, against {_TUNED}", 0.8),
    "cpu_vs_bare": (f"CPU of the app per event, against {_BARE}", 0.4),
    "cpu_vs_bare_aiohttp": (f"CPU of the app per event, against {_TUNED}", 0.4),
    "rss_vs_bare": (f"memory of the app, against {_BARE}", 1.0),
    "cold_start_vs_bare": (f"cold start, against {_BARE}", 1.0),
}
LAST_RESULT_S = 10.0
REPEATED = 0.001
LAST_TENTH = 0.95
FLAT_MB = 0.5
"""Per 10,000 events: 5 MB over a soak of 100,000 is what one run can tell from nothing."""
REPLICAS_MODEL_MS = 200


def targets(results: Results, capacity: Capacity) -> Iterator[Target]:
    for key, (text, bound) in _AT_LEAST.items():
        value = results.ratios.get(key)
        yield _judged(text, f"≥ {bound:g}", value, "{:.2f}", met=value is not None and value >= bound)
    for key, (text, bound) in _AT_MOST.items():
        value = results.ratios.get(key)
        yield _judged(text, f"≤ {bound:g}", value, "{:.2f}", met=value is not None and value <= bound)
    yield from _after_kills(results)
    yield from _soaked(results.soak)
    yield _wide(capacity)
    yield _replicated(capacity)


def _judged(text: str, wanted: str, value: float | None, form: str, *, met: bool) -> Target:
    return Target(text, wanted) if value is None else Target(text, wanted, form.format(value), met)


def _after_kills(results: Results) -> Iterator[Target]:
    ours = [kill for kill in results.kills if kill.contender == "ours" and kill.redelivery == "shipped"]
    one = {kill.killed: kill for kill in ours if kill.kills == 1}
    for killed in (faults.APP, faults.BOTH):
        yield _after(f"SIGKILL of the {killed} in mid-run", one.get(killed))
    storm = next((kill for kill in ours if kill.kills > 1), None)
    yield _after(f"{faults.STORM_KILLS} SIGKILLs of the app over {faults.REPLICAS} replicas", storm)


def _after(text: str, kill: Kill | None) -> Target:
    wanted = (
        f"0 lost, 0 doubled, ≤ {REPEATED:.1%} again under the same id, last result ≤ {LAST_RESULT_S:.0f} s"
    )
    if kill is None:
        return Target(text, wanted)
    return Target(
        text,
        wanted,
        f"{kill.lost} lost, {kill.doubled} doubled, {kill.repeated} of {kill.events:,} again, {kill.last_s:.1f} s",
        not kill.lost
        and not kill.doubled
        and kill.repeated <= REPEATED * kill.events
        and kill.last_s <= LAST_RESULT_S,
    )


def _soaked(soak: Soak | None) -> Iterator[Target]:
    name = f"{soak.events if soak else 100_000:,} events"
    rows = (
        (f"{name}: throughput of the last tenth, against the first", f"≥ {LAST_TENTH:g}"),
        (f"{name}: growth of the app's memory per 10,000", f"≤ {FLAT_MB:g} MB"),
        (f"{name}, Redis bounded by trimming and expiry", "0 lost, 0 doubled"),
    )
    if soak is None:
        yield from (Target(*row) for row in rows)
        return
    ratio, slope = soak.last_to_first, soak.rss_slope_mb_per_10k
    yield Target(*rows[0], f"{ratio:.2f}", ratio >= LAST_TENTH)
    yield Target(*rows[1], f"{slope:+.2f} MB", slope <= FLAT_MB)
    left = f"{soak.lost} lost, {soak.doubled} doubled, no stream above {soak.stream_entries_most:,} entries"
    yield Target(*rows[2], left, not soak.lost and not soak.doubled)


def _wide(capacity: Capacity) -> Target:
    text, wanted = (
        f"{TASKS} tasks in one agent, {PROMPTS} prompts, against one of each",
        "no measurable change",
    )
    if capacity.width is None:
        return Target(text, wanted)
    ratios = compared(capacity.width)
    found = ", ".join(
        f"{name} {middle:.2f} ({low:.2f} to {high:.2f})" for name, (middle, low, high) in ratios.items()
    )
    return Target(text, wanted, found, all(map(none_told, ratios.values())))


def _replicated(capacity: Capacity) -> Target:
    text = f"throughput of 3 replicas on this machine, a model of {REPLICAS_MODEL_MS} ms, against one"
    ratios = [one.ratio for one in scaling(capacity) if one.model_ms == REPLICAS_MODEL_MS]
    ratio = ratios[0] if ratios else None
    met = ratio is not None and ratio >= WANTED_OF_THREE
    return _judged(text, f"≥ {WANTED_OF_THREE:g}", ratio, "{:.2f}", met=met)
