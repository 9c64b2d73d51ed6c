"""What the suite leaves behind: `benchmarks/results/latest.json`, its ratios computed from the raw rounds in it."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.contenders import CONTENDERS
from cli.local.provision.dapr import RUNTIME

ROOT = Path(__file__).parents[2]
LATEST = ROOT / "benchmarks" / "results" / "latest.json"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Take(Record):
    """One contender in one round. CPU in ms per event of the saturation run; memory in MB; None: it was not seen."""

    contender: str
    cold_start_s: float | None
    rss_idle_mb: float
    rss_mb: float
    sidecar_rss_mb: float
    control_plane_rss_mb: float
    latencies_ms: list[float]
    events: int
    missing: int
    events_per_second: float
    steady_events_per_second: float
    app_cpu_ms: float
    sidecar_cpu_ms: float
    control_plane_cpu_ms: float
    redis_cpu_ms: float
    model_calls_per_event: float
    doubled: int
    repeated: int
    slow_events_per_second: float
    ideal_fraction: float
    in_flight_most: int

    @property
    def p50_ms(self) -> float:
        return percentile(self.latencies_ms, 0.5)


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
    """SIGKILLs in mid-run. Seconds are counted from the last kill (or the last event sent, if that was later)."""

    contender: str
    killed: str
    redelivery: str
    replicas: int
    kills: int
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


def read(path: Path = LATEST) -> Results:
    return Results.model_validate_json(path.read_text()) if path.exists() else Results()


def write(path: Path, redis_server: Path, **parts: object) -> None:
    """Replace parts of the file, and what follows from them."""
    results = read(path).model_copy(update=parts)
    now = f"{datetime.now(UTC).date().isoformat()}, commit {commit()}"
    made = {**results.made, **dict.fromkeys(parts, now)}
    update = {
        "made": made,
        "machine": machine(),
        "versions": versions(redis_server),
        "ratios": ratios(results.rounds),
    }
    results = results.model_copy(update=update)
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


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed; nothing is interpolated."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


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


def versions(redis_server: Path) -> dict[str, str]:
    """Of what everybody uses, and of what each contender asks for, by its lock."""
    told = subprocess.run([redis_server, "--version"], capture_output=True, text=True, check=True).stdout
    redis = re.search(r"v=(\S+)", told)
    found = {"Python": platform.python_version(), "Dapr": RUNTIME, "Redis": redis.group(1) if redis else told}
    for contender in CONTENDERS.values():
        asked, lock = contender.folder / "requirements.in", contender.folder / "requirements.lock"
        if asked.exists():
            names = re.findall(r"^([A-Za-z0-9._-]+)", asked.read_text(), re.MULTILINE)
            pinned = dict(
                re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", lock.read_text(), re.MULTILINE)
            )
            packages = [f"{name} {pinned[name]}" for name in names if name in pinned]
            found[contender.folder.name] = ", ".join(packages)
    return found


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"
