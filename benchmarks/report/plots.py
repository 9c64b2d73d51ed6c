"""The plots, as SVG that is the same for the same figures, readable on a light and on a dark page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.contenders import CONTENDERS
from benchmarks.report.page import measured, pooled_p99, shown
from benchmarks.suite.results import Measure, Results, median

# Colours that the colour-blind tell apart (Okabe and Ito); the grey has the same contrast to white and to black.
OURS, THEIRS, GREY = "#D55E00", "#4A90C2", "#7D7D7D"
PARTS = {"app": "#4A90C2", "sidecar": "#E69F00", "control plane": "#009E73", "Redis": "#CC79A7"}
ZOOM = 2.5
"""How much of the third-cheapest contender the second panel of the CPU plot shows."""
_STYLE: Any = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.titlecolor": GREY,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.transparent": True,
}


def plots(results: Results) -> dict[str, str]:
    """Name and text of each file that there are figures for."""
    wanted: dict[str, Callable[[Results], Figure]] = {}
    if results.rounds:
        wanted |= {"throughput": _throughput, "latency": _latency, "cpu": _cpu, "memory": _memory}
    if results.kills:
        wanted["faults"] = _faults
    if results.soak:
        wanted["soak"] = _soak
    with mpl.rc_context(_STYLE):
        return {f"{name}.svg": _svg(draw(results)) for name, draw in wanted.items()}


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _throughput(results: Results) -> Figure:
    figure, (axes,) = _panels(results, 1)
    _bars(axes, results, lambda take: take.events_per_second, "{:,.0f}", dots=True)
    axes.set_xlabel("events/s at saturation; dots: each round")
    return figure


def _latency(results: Results) -> Figure:
    figure, (axes,) = _panels(results, 1)
    for row, name in enumerate(measured(results)):
        p50, p99 = _median(results, name, lambda take: take.p50_ms), pooled_p99(results.rounds, name)
        end = p99 if math.isfinite(p99) else _median(results, name, lambda take: max(take.latencies_ms))
        axes.plot([p50, end], [row, row], color=_colour(name), linewidth=2)
        axes.plot(p50, row, "o", color=_colour(name))
        axes.plot(end, row, "|", color=_colour(name), markersize=12, markeredgewidth=2)
        axes.annotate(f"{p50:.1f}", (p50, row), (0, 6), textcoords="offset points", ha="center", fontsize=9)
        axes.annotate(shown(p99, "{:.1f}"), (end, row), (6, -3), textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("ms from the event to its result (log): dot p50, bar p99")
    axes.margins(x=0.1)
    return figure


def _cpu(results: Results) -> Figure:
    """Twice: whole, and near zero, where the small ones would be slivers."""
    figure, panels = _panels(results, 2)
    contenders = measured(results)
    parts = {
        "app": lambda take: take.app_cpu_ms,
        "sidecar": lambda take: take.sidecar_cpu_ms,
        "control plane": lambda take: take.control_plane_cpu_ms,
        "Redis": lambda take: take.redis_cpu_ms,
    }
    totals = [0.0] * len(contenders)
    for part, measure in parts.items():
        values = [_median(results, name, measure) for name in contenders]
        for axes in panels:
            axes.barh(range(len(contenders)), values, left=totals, color=PARTS[part], height=0.6, label=part)
        totals = [total + value for total, value in zip(totals, values, strict=True)]
    zoom = ZOOM * sorted(totals)[min(2, len(totals) - 1)]
    for axes, limit in zip(panels, (max(totals) * 1.15, zoom), strict=True):
        axes.set_xlim(0, limit)
        for row, total in enumerate(totals):
            if total < limit * 0.85:
                axes.annotate(f"{total:.1f}", (total, row), (4, -3), textcoords="offset points", fontsize=9)
    panels[0].set_xlabel("ms of CPU per event")
    panels[1].set_xlabel("the same, near zero")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(parts))
    return figure


def _memory(results: Results) -> Figure:
    figure, panels = _panels(results, 2)
    _bars(panels[0], results, lambda take: take.rss_mb, "{:.0f}")
    panels[0].set_xlabel("MB of the app after the load")
    _bars(panels[1], results, lambda take: take.cold_start_s, "{:.1f}", dots=True)
    panels[1].set_xlabel("s from its start to the first result")
    return figure


def _faults(results: Results) -> Figure:
    """Bars: seconds; words: what went wrong."""
    contenders = [name for name in CONTENDERS if any(kill.contender == name for kill in results.kills)]
    settings = sorted({kill.redelivery for kill in results.kills}, reverse=True)  # shipped first
    figure = Figure(figsize=(8.6, 1.0 + 0.5 * len(contenders)))
    panels = figure.subplots(1, len(settings), sharey=True, squeeze=False)[0]
    for axes, setting in zip(panels, settings, strict=True):
        for kill in results.kills:
            if kill.redelivery != setting or kill.kills > 1:
                continue
            row = contenders.index(kill.contender) + (0.2 if kill.killed == "app" else -0.2)
            axes.barh(row, kill.last_s, height=0.36, color=_colour(kill.contender))
            told = f"{kill.killed}: {kill.lost} lost, {kill.doubled} doubled"
            axes.annotate(told, (kill.last_s, row), (4, -3), textcoords="offset points", fontsize=8)
        axes.set_xlim(0, 2.2 * max(kill.last_s for kill in results.kills if kill.redelivery == setting))
        axes.set_xlabel(f"s to the last result, redelivery {setting}")
        axes.set_yticks(range(len(contenders)), [CONTENDERS[name].title for name in contenders])
    panels[0].invert_yaxis()
    return figure


def _soak(results: Results) -> Figure:
    soak = results.soak
    assert soak is not None  # noqa: S101 - else there is no such plot
    figure = Figure(figsize=(8.6, 2.6))
    left, right = figure.subplots(1, 2)
    left.bar(range(1, len(soak.tenths) + 1), soak.tenths, color=OURS, width=0.7)
    left.set_xticks(range(1, len(soak.tenths) + 1))
    left.set_xlabel(f"tenths of {soak.events:,} events")
    left.set_ylabel("events/s")
    for values, label, colour in (
        (soak.rss_mb, "app", OURS),
        (soak.redis_mb, "Redis, with the records", PARTS["Redis"]),
    ):
        right.plot(values, color=colour)
        at = (len(values) - 1, values[-1])
        right.annotate(label, at, (0, 5), textcoords="offset points", ha="right", color=colour)
    right.set_ylim(0, max(*soak.rss_mb, *soak.redis_mb) * 1.2)
    right.set_xlabel("seconds")
    right.set_ylabel("MB")
    return figure


def _panels(results: Results, count: int) -> tuple[Figure, Sequence[Any]]:
    """Side by side, with a row for each contender."""
    contenders = measured(results)
    figure = Figure(figsize=(8.6, 1.0 + 0.36 * len(contenders)))
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    panels[0].set_yticks(range(len(contenders)), [CONTENDERS[name].title for name in contenders])
    panels[0].set_ylim(len(contenders) - 0.4, -0.6)
    return figure, panels


def _bars(axes: Any, results: Results, measure: Measure, form: str, *, dots: bool = False) -> None:
    for row, name in enumerate(measured(results)):
        value = _median(results, name, measure)
        axes.barh(row, value, color=_colour(name), height=0.6)
        rounds = [measure(take) for one in results.rounds if one.kept and (take := one.take(name))]
        seen = [one for one in rounds if one is not None] if dots else []
        if seen:
            axes.plot(seen, [row] * len(seen), ".", color=GREY, markersize=5)
        at = max([value, *seen])
        axes.annotate(form.format(value), (at, row), (5, -3), textcoords="offset points", fontsize=9)
    axes.margins(x=0.12)
    axes.set_xlim(left=0)


def _median(results: Results, name: str, measure: Measure) -> float:
    return median(results.rounds, name, measure) or 0.0


def _colour(name: str) -> str:
    return OURS if name == "ours" else THEIRS
