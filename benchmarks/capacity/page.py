"""The text of docs/capacity.md: `page.md.j2` with the figures of capacity.json, and what follows from them, in it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.runtime.intake import LARGEST
from agents.runtime.timing import Timing
from benchmarks.capacity import published, results, sizing, tables
from benchmarks.capacity.parts import replicas
from benchmarks.capacity.plan import FULL
from benchmarks.capacity.results import Results, Width
from benchmarks.report.markdown import render
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.results import ROOT
from benchmarks.suite.rounds import DRIFT

DOCUMENT = ROOT / "docs" / "capacity.md"
WANTED = 2.7
"""Throughput of three replicas against one."""


def write() -> None:
    DOCUMENT.write_text(page(results.read()))


def stale() -> str | None:
    """What is wrong with the document, None when it is what the figures and the code give."""
    figures, document = results.CAPACITY.relative_to(ROOT), DOCUMENT.relative_to(ROOT)
    if not results.CAPACITY.exists():
        return f"there is no {figures} yet: run `make bench-capacity`"
    if not DOCUMENT.exists() or DOCUMENT.read_text() != page(results.read()):
        return (
            f"{document} is not what {figures} and the code give: run `python -m benchmarks.capacity --page`"
        )
    return None


def page(found: Results) -> str:
    return render(
        Path(__file__).with_name("page.md.j2"),
        found=found,
        tables=tables,
        plan=FULL,
        timing=Timing(),
        largest=LARGEST,
        outstanding=OUTSTANDING,
        offered_each=replicas.OFFERED_EACH,
        wanted=WANTED,
        scaling=scaling(found),
        width=compared(found.width) if found.width else {},
        drift=found.controls[0].drift(found.controls[-1]) if found.controls else None,
        allowed=DRIFT,
        sizing=sizing,
        clusters=clusters(found),
        published=published,
    )


@dataclass(frozen=True)
class Scaling:
    """Medians of the rounds: three replicas against one, the cores they were busy on, and the cores that WANTED would take
    at what one replica used.
    """

    model_ms: int
    ratio: float
    cores: float
    needed: float


def scaling(found: Results) -> list[Scaling]:
    made = []
    for model_ms in sorted({one.model_ms for one in found.replicas}):
        one, most = (
            [each for each in found.replicas if (each.replicas, each.model_ms) == (number, model_ms)]
            for number in (min(replicas.NUMBERS), max(replicas.NUMBERS))
        )
        made.append(
            Scaling(
                model_ms=model_ms,
                ratio=statistics.median(each.ratio for each in most),
                cores=statistics.median(each.load.cores for each in most),
                needed=WANTED * statistics.median(each.load.cores for each in one),
            )
        )
    return made


def compared(width: Width) -> dict[str, tuple[float, float, float]]:
    """Wide against narrow, turn by turn: the median of the ratios, and between what it lies."""
    ratios = {
        "events/s": [turn.wide.events_per_second / turn.narrow.events_per_second for turn in width.turns],
        "p50": [turn.wide_p50_ms / turn.narrow_p50_ms for turn in width.turns],
        "CPU of the app": [turn.wide.app_cpu_ms / turn.narrow.app_cpu_ms for turn in width.turns],
        "CPU of the sidecar": [turn.wide.sidecar_cpu_ms / turn.narrow.sidecar_cpu_ms for turn in width.turns],
    }
    return {name: (statistics.median(values), *between(values)) for name, values in ratios.items()}


def between(values: Sequence[float]) -> tuple[float, float]:
    """Between the second lowest and the second highest lies the true median with 98 % confidence for ten values (binomial)."""
    ordered, left_out = sorted(values), 1 if len(values) >= 8 else 0
    return ordered[left_out], ordered[-1 - left_out]


def clusters(found: Results) -> list[sizing.Cluster]:
    """None without the figures they follow from."""
    if not found.latency or not found.chain or found.counted is None:
        return []
    own_s = found.chain[0].p50_ms / 1000
    made = []
    for model_s in sizing.MODELS_S:
        nearest = min(found.latency, key=lambda one: abs(one.model_ms / 1000 - model_s))
        made.append(sizing.cluster(model_s, nearest, own_s, found.counted))
    return made
