"""What follows from several figures of one part."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.capacity.parts.replicas import NUMBERS
from benchmarks.capacity.results import Results, Width

WANTED_OF_THREE = 2.7
"""Throughput of three replicas against one."""
Ratios = tuple[float, float, float]
"""The median, and between what it lies."""


@dataclass(frozen=True)
class Scaling:
    """Medians of the rounds: three replicas against one, the cores they were busy on, and the cores that WANTED_OF_THREE
    would take at what one replica used.
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
            for number in (min(NUMBERS), max(NUMBERS))
        )
        made.append(
            Scaling(
                model_ms=model_ms,
                ratio=statistics.median(each.ratio for each in most),
                cores=statistics.median(each.load.cores for each in most),
                needed=WANTED_OF_THREE * statistics.median(each.load.cores for each in one),
            )
        )
    return made


def compared(width: Width) -> Mapping[str, Ratios]:
    """Wide against narrow, turn by turn."""
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


def none_told(ratios: Ratios) -> bool:
    """No change was measured."""
    _, low, high = ratios
    return low <= 1 <= high
