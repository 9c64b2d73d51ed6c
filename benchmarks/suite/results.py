"""What the suite leaves behind: `benchmarks/results/latest.json`, its ratios computed from the raw rounds in it."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cli.errors import CommandError

ROOT = Path(__file__).resolve().parents[2]
LATEST = ROOT / "benchmarks" / "results" / "latest.json"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Take(Record):
    """One contender in one round. Memory in MB; None: it was not seen.

    `events_per_second`: at saturation, between the first tenth and the last twentieth out (`measure.steady`). CPU: ms per
    event of that run; None where results were missing, since it would include waiting for them. `missing`: in both runs,
    at saturation and at the fixed rate, where alone it is `missing_at_rate`; `latencies_ms` has those that came.
    """

    contender: str
    cold_start_s: float | None
    rss_idle_mb: float
    rss_mb: float
    sidecar_rss_mb: float
    control_plane_rss_mb: float
    latencies_ms: list[float]
    events: int
    missing: int
    missing_at_rate: int
    events_per_second: float
    app_cpu_ms: float | None
    sidecar_cpu_ms: float | None
    control_plane_cpu_ms: float | None
    redis_cpu_ms: float | None
    outside_cpu_ms: float | None
    model_calls_per_event: float
    doubled: int
    repeated: int
    slow_events_per_second: float
    ideal_fraction: float
    in_flight_most: int

    @property
    def p50_ms(self) -> float:
        return percentile(self.latencies_ms, 0.5, self.missing_at_rate)

    @property
    def p99_ms(self) -> float:
        return percentile(self.latencies_ms, 0.99, self.missing_at_rate)


class Control(Record):
    """The same work every time, that no contender touches: what the machine is worth at the moment."""

    events_per_second: float
    spin_s: float

    def drift(self, other: Control) -> float:
        """The larger of the two changes, as a share: 0.15 is 15 %."""
        pairs = ((self.events_per_second, other.events_per_second), (self.spin_s, other.spin_s))
        return max(abs(now / then - 1) for then, now in pairs)


class Round(Record):
    """`kept` is false for a round during which the machine changed: it counts for nothing and is shown."""

    before: Control
    after: Control
    drift: float
    kept: bool
    takes: list[Take]

    def take(self, contender: str) -> Take | None:
        return next((one for one in self.takes if one.contender == contender), None)


class Kill(Record):
    """SIGKILLs in mid-run, events coming at `rate` per second.

    Seconds are counted from the last kill (or the last event sent, if that was later).
    """

    contender: str
    killed: str
    redelivery: str
    replicas: int
    kills: int
    rate: float
    events: int
    lost: int
    doubled: int
    repeated: int
    calls_again: int
    last_s: float


class Soak(Record):
    """Tenths: events/s of each tenth of the events. Slope: of the app's memory after the first tenth."""

    events: int
    tenths: list[float]
    last_to_first: float
    rss_mb: list[float]
    rss_slope_mb_per_10k: float
    redis_mb: list[float]
    redis_kb_per_event: float
    stream_entries_most: int
    lost: int
    doubled: int
    repeated: int


class Failure(Record):
    """A contender that was left out from then on. `what` begins with the command: "rounds: round 2 of 3"."""

    contender: str
    what: str
    message: str

    @classmethod
    def of(cls, contender: str, what: str, error: CommandError) -> Failure:
        """The message without what names this machine, and short."""
        first = error.message.partition("\n")[0]
        return cls(contender=contender, what=what, message=re.sub(r"(?<!\w)~?/\S+", "…", first)[:200])


class Results(Record):
    """Merged from run to run: `make bench` replaces the rounds, `bench-faults` the kills, `bench-soak` the soak."""

    made: dict[str, str] = {}
    """By part, the day and the commit."""
    machine: dict[str, str] = {}
    versions: dict[str, str] = {}
    ratios: dict[str, float] = {}
    rounds: list[Round] = []
    kills: list[Kill] = []
    soak: Soak | None = None
    failures: list[Failure] = []


def read(path: Path = LATEST) -> Results:
    return Results.model_validate_json(path.read_text()) if path.exists() else Results()


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = results.model_dump_json(indent=1) + "\n"
    path.write_text(re.sub(r"\[[-\d.,\s]+\]", lambda numbers: " ".join(numbers.group().split()), text))


Measure = Callable[[Take], float | None]

RATIOS: Mapping[str, tuple[str, Measure]] = {
    "throughput_vs_bare": ("bare", lambda take: take.events_per_second),
    "throughput_vs_bare_aiohttp": ("bare-aiohttp", lambda take: take.events_per_second),
    "throughput_vs_langgraph": ("langgraph", lambda take: take.events_per_second),
    "throughput_vs_langgraph_aiohttp": ("langgraph-aiohttp", lambda take: take.events_per_second),
    "throughput_vs_dapr_workflow": ("dapr-workflow", lambda take: take.events_per_second),
    "throughput_vs_dapr_workflow_64": ("dapr-workflow-64", lambda take: take.events_per_second),
    "throughput_vs_dapr_agents": ("dapr-agents", lambda take: take.events_per_second),
    "throughput_vs_dapr_agents_no_memory": ("dapr-agents-no-memory", lambda take: take.events_per_second),
    "throughput_vs_temporal": ("temporal", lambda take: take.events_per_second),
    "p50_vs_bare": ("bare", lambda take: take.p50_ms),
    "p50_vs_bare_aiohttp": ("bare-aiohttp", lambda take: take.p50_ms),
    "cpu_vs_bare": ("bare", lambda take: take.app_cpu_ms),
    "cpu_vs_bare_aiohttp": ("bare-aiohttp", lambda take: take.app_cpu_ms),
    "rss_vs_bare": ("bare", lambda take: take.rss_mb),
    "cold_start_vs_bare": ("bare", lambda take: take.cold_start_s),
}
"""Ours divided by the peer's: the peer, and what is compared."""


def ratios(rounds: Iterable[Round]) -> dict[str, float]:
    """The median of the rounds' own ratios: within a round both had the same machine."""
    kept = [one for one in rounds if one.kept]
    found = {name: _ratio(kept, peer, measure) for name, (peer, measure) in RATIOS.items()}
    found["ideal_fraction_200ms"] = median(kept, "ours", lambda take: take.ideal_fraction)
    return {name: round(value, 3) for name, value in found.items() if value is not None}


def _ratio(rounds: Sequence[Round], peer: str, measure: Measure) -> float | None:
    values = []
    for one in rounds:
        ours, theirs = one.take("ours"), one.take(peer)
        if ours and theirs and (mine := measure(ours)) is not None and (other := measure(theirs)):
            values.append(mine / other)
    return statistics.median(values) if values else None


def median(rounds: Iterable[Round], contender: str, measure: Measure) -> float | None:
    takes = [take for one in rounds if one.kept and (take := one.take(contender))]
    values = [value for take in takes if (value := measure(take)) is not None]
    return statistics.median(values) if values else None


def percentile(values: Sequence[float], share: float, missing: int = 0) -> float:
    """The smallest value that this share of all does not exceed; nothing is interpolated, and what is missing is the slowest."""
    place = max(0, math.ceil((len(values) + missing) * share) - 1)
    return sorted(values)[place] if place < len(values) else math.inf


def machine() -> dict[str, str]:
    """What the figures depend on, and nothing that names it."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "kernel": platform.release(),
    }


def commit() -> str:
    """Of the code that was measured: what a run has written so far makes it no other."""

    def told(*words: str) -> str:
        ran = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return ran.stdout.strip()

    changed = told("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!docs")
    return f"{told('rev-parse', '--short', 'HEAD') or 'unknown'}{'-dirty' if changed else ''}"
