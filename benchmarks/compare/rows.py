"""From the takes of two sides to a table: ratios by round, and whether this run can tell a difference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.suite.results import Measure, Take

LEAST = 0.02
"""A share below which no difference is told: the kernel counts CPU in ticks of 10 ms, and code moves in its caches."""
LEAST_ROUNDS = 3
CLEAR = 1.5
"""A difference is told when it is so many times larger than what the rounds differ among themselves, and all agree. With
three rounds of mere noise that happens once in 25 rows (in 1,400 with five; simulated with normal deviates).
"""


def _p99(take: Take) -> float | None:
    """None where it would be the slowest of all, or one that did not come."""
    return take.p99_ms if len(take.latencies_ms) > 100 and math.isfinite(take.p99_ms) else None


MEASURES: tuple[tuple[str, str, Measure, bool], ...] = (
    ("events/s", "{:,.0f}", lambda take: take.events_per_second, True),
    ("p50 ms", "{:.2f}", lambda take: take.p50_ms, False),
    ("p99 ms", "{:.2f}", _p99, False),
    ("CPU of the app, ms/event", "{:.2f}", lambda take: take.app_cpu_ms, False),
    ("CPU of the sidecar, ms/event", "{:.2f}", lambda take: take.sidecar_cpu_ms, False),
    ("memory of the app, MB", "{:.1f}", lambda take: take.rss_mb, False),
    ("cold start, s", "{:.2f}", lambda take: take.cold_start_s, False),
    ("of the ideal, model of 200 ms", "{:.1%}", lambda take: take.ideal_fraction, True),
)
"""Title, form, measure, and whether more is better."""


@dataclass(frozen=True)
class Row:
    """One measure: the medians of both sides, and new/old of each round in which both have it."""

    title: str
    old: str
    new: str
    ratios: list[float]
    verdict: str

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


def rows(old: Sequence[Take], new: Sequence[Take]) -> list[Row]:
    """Takes at the same place were made in the same round. What no round shows on both sides has no row."""
    found = [_row(title, form, measure, old, new, more=more) for title, form, measure, more in MEASURES]
    return [row for row in found if row]


def _row(
    title: str, form: str, measure: Measure, old: Sequence[Take], new: Sequence[Take], *, more: bool
) -> Row | None:
    pairs = [(measure(before), measure(after)) for before, after in zip(old, new, strict=True)]
    both = [(before, after) for before, after in pairs if before and after is not None]
    if not both:
        return None
    ratios = [round(after / before, 4) for before, after in both]
    first, second = (form.format(statistics.median(side)) for side in zip(*both, strict=True))
    return Row(title, first, second, ratios, verdict(ratios, more_is_better=more))


def verdict(ratios: Sequence[float], *, more_is_better: bool) -> str:
    if len(ratios) < LEAST_ROUNDS:
        return f"cannot be told: seen in fewer than {LEAST_ROUNDS} rounds"
    difference, spread = statistics.median(ratios) - 1, max(ratios) - min(ratios)
    agree = min(ratios) > 1 or max(ratios) < 1
    if not agree or abs(difference) < max(LEAST, CLEAR * spread):
        return "no difference that this run can tell"
    return "better" if (difference > 0) == more_is_better else "worse"
