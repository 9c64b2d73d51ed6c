"""What a run shows at its end, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import CONTENDERS
from benchmarks.suite.results import Measure, Round, Take, median, ratios

COLUMNS: tuple[tuple[str, str, Measure], ...] = (
    ("events/s", "{:,.0f}", lambda take: take.events_per_second),
    ("p50 ms", "{:.1f}", lambda take: take.p50_ms),
    ("p99 ms", "{:.1f}", lambda take: take.p99_ms),
    ("CPU app", "{:.2f}", lambda take: take.app_cpu_ms),
    ("sidecar", "{:.2f}", lambda take: take.sidecar_cpu_ms),
    ("control plane", "{:.2f}", lambda take: take.control_plane_cpu_ms),
    ("memory MB", "{:.0f}", lambda take: take.rss_mb),
    ("cold start s", "{:.2f}", lambda take: take.cold_start_s),
    ("of ideal, 200 ms", "{:.1%}", lambda take: take.ideal_fraction),
)


def told(take: Take) -> str:
    cpu = "some missing" if take.app_cpu_ms is None else f"{take.app_cpu_ms:.2f} ms of CPU"
    return (
        f"{take.events_per_second:.0f} events/s, p50 {take.p50_ms:.1f} ms, {cpu}, {take.rss_mb:.0f} MB, "
        f"{take.ideal_fraction:.0%} of the ideal with a slow model"
    )


def show_rounds(console: Console, rounds: Sequence[Round]) -> None:
    measured = {take.contender for one in rounds for take in one.takes}
    table = Table("", *(title for title, _, _ in COLUMNS), title="medians of the rounds")
    for name in [name for name in CONTENDERS if name in measured]:
        values = [(form, median(rounds, name, measure)) for _, form, measure in COLUMNS]
        table.add_row(name, *("–" if value is None else form.format(value) for form, value in values))
    console.print(table)
    for name, value in ratios(rounds).items():
        console.print(f"{name}: {value}", highlight=False)
