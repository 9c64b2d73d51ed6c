"""What the product wants to reach, and whether the latest run did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.suite.results import Kill, Results


@dataclass(frozen=True)
class Target:
    text: str
    wanted: str
    found: str
    met: bool


_AT_LEAST = {
    "throughput_vs_bare": ("throughput, against FastAPI with the Dapr SDK", 2.5),
    "throughput_vs_bare_aiohttp": ("throughput, against the same tuned (openai on aiohttp)", 2.5),
    "throughput_vs_langgraph": ("throughput, against LangGraph", 3.5),
    "throughput_vs_langgraph_aiohttp": ("throughput, against LangGraph tuned (openai on aiohttp)", 3.5),
    "throughput_vs_dapr_workflow": ("throughput, against Dapr Workflow", 10),
    "throughput_vs_dapr_agents": ("throughput, against DurableAgent as it comes", 50),
    "throughput_vs_dapr_agents_no_memory": ("throughput, against DurableAgent with its memory off", 35),
    "ideal_fraction_200ms": ("share of the ideal at a model of 200 ms, 64 offered", 0.95),
}
_AT_MOST = {
    "p50_vs_bare": ("p50 latency, against FastAPI with the Dapr SDK", 0.8),
    "p50_vs_bare_aiohttp": ("p50 latency, against the same tuned", 0.8),
    "cpu_vs_bare": ("CPU of the app per event, against FastAPI with the Dapr SDK", 0.4),
    "cpu_vs_bare_aiohttp": ("CPU of the app per event, against the same tuned", 0.4),
    "rss_vs_bare": ("memory of the app, against the same", 1.0),
    "cold_start_vs_bare": ("cold start, against the same", 1.0),
}
LAST_RESULT_S = 10.0
REPEATED = 0.001
LAST_TENTH = 0.95
FLAT_MB = 0.5
"""Per 10,000 events: 5 MB over a soak of 100,000 is what one run can tell from nothing."""


def targets(results: Results) -> Iterator[Target]:
    for key, (text, bound) in _AT_LEAST.items():
        if (value := results.ratios.get(key)) is not None:
            yield Target(text, f"≥ {bound:g}", f"{value:.2f}", value >= bound)
    for key, (text, bound) in _AT_MOST.items():
        if (value := results.ratios.get(key)) is not None:
            yield Target(text, f"≤ {bound:g}", f"{value:.2f}", value <= bound)
    for kill in results.kills:
        if kill.contender == "ours" and kill.redelivery == "shipped":
            yield _after_kills(kill)
    if (soak := results.soak) is not None:
        name, ratio, slope = f"{soak.events:,} events", soak.last_to_first, soak.rss_slope_mb_per_10k
        tenths = f"{name}: throughput of the last tenth, against the first"
        yield Target(tenths, f"≥ {LAST_TENTH:g}", f"{ratio:.2f}", ratio >= LAST_TENTH)
        growth = f"{name}: growth of the app's memory per 10,000"
        yield Target(growth, f"≤ {FLAT_MB:g} MB", f"{slope:+.2f} MB", slope <= FLAT_MB)


def _after_kills(kill: Kill) -> Target:
    what = f"SIGKILL of the {kill.killed}"
    if kill.kills > 1:
        what = f"{kill.kills} × {what}, {kill.replicas} replicas"
    met = not kill.lost and not kill.doubled and kill.last_s <= LAST_RESULT_S
    return Target(
        what,
        f"0 lost, 0 doubled, ≤ {REPEATED:.1%} again under the same id, last result ≤ {LAST_RESULT_S:.0f} s",
        f"{kill.lost} lost, {kill.doubled} doubled, {kill.repeated} of {kill.events:,} again, {kill.last_s:.1f} s",
        met and kill.repeated <= REPEATED * kill.events,
    )
