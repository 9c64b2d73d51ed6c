"""The page is made of the figures: whatever is missing in them is missing in it, and nothing else."""

from __future__ import annotations

import pytest

from benchmarks.capacity.results import Load, Replicas, Turn, Width
from benchmarks.capacity.results import Results as Capacity
from benchmarks.report.page import page
from benchmarks.report.targets import NOT_YET, Target, targets
from benchmarks.suite.results import Control, Failure, Kill, Results, Round, Soak, Take

QUIET = Control(events_per_second=6000, spin_s=0.2)
LOAD = Load(
    events=1000, events_per_second=500, app_cpu_ms=1.5, sidecar_cpu_ms=0.9, redis_cpu_ms=0.2, cores=1.5, app_mb=100,
    sidecar_mb=110, in_flight_most=64, reads=0, writes=3,
)  # fmt: skip
SOAK = Soak(
    events=100_000, tenths=[700, 700], last_to_first=0.97, rss_mb=[90, 91], rss_slope_mb_per_10k=0.06, redis_mb=[1, 2],
    redis_kb_per_event=5.8, stream_entries_most=17_000, lost=0, doubled=0, repeated=0,
)  # fmt: skip


def kill(**changes: object) -> Kill:
    quiet = Kill(
        contender="ours", killed="app", redelivery="shipped", replicas=1, kills=1, rate=100, events=1000, lost=0,
        doubled=0, repeated=1, calls_again=50, last_s=8.0,
    )  # fmt: skip
    return quiet.model_copy(update=changes)


def take(**changes: object) -> Take:
    quiet = Take(
        contender="ours", cold_start_s=None, rss_idle_mb=80, rss_mb=90, sidecar_rss_mb=90, control_plane_rss_mb=0,
        latencies_ms=[4.0, 5.0], events=3000, missing=0, missing_at_rate=0, events_per_second=800, app_cpu_ms=1.2,
        sidecar_cpu_ms=0.4, control_plane_cpu_ms=0, redis_cpu_ms=0.2, outside_cpu_ms=0.37, model_calls_per_event=1,
        doubled=0, repeated=0, slow_events_per_second=304, ideal_fraction=0.95, in_flight_most=64,
    )  # fmt: skip
    return quiet.model_copy(update=changes)


def measured(*takes: Take) -> Results:
    return Results(rounds=[Round(before=QUIET, after=QUIET, drift=0, kept=True, takes=list(takes))])


def width(rate_of_many: float) -> Width:
    many = LOAD.model_copy(update={"events_per_second": rate_of_many})
    turn = Turn(narrow=LOAD, wide=many, narrow_p50_ms=5, wide_p50_ms=5)
    return Width(tasks=20, prompts=50, narrow_idle_cores=0, wide_idle_cores=0, turns=[turn])


def replicas(number: int, ratio: float) -> Replicas:
    return Replicas(round=1, replicas=number, model_ms=200, load=LOAD, ratio=ratio)


def found(start: str, results: Results, capacity: Capacity | None = None) -> list[Target]:
    return [one for one in targets(results, capacity or Capacity()) if one.text.startswith(start)]


def test_a_page_without_figures_says_who_and_what_was_not_measured() -> None:
    text = page(Results(), Capacity())
    assert "Not in the latest run: `ours`, `bare`, " in text
    assert "SIGKILL in mid-run\n\n![" not in text
    assert "Medians of" not in text
    assert text.count(NOT_YET) == len(list(targets(Results(), Capacity()))) == 22


def test_who_failed_is_left_out_with_the_reason() -> None:
    failure = Failure(contender="temporal", what="rounds", message="the server\n does not start")
    text = page(Results(failures=[failure]), Capacity())
    assert "- **Temporal** (`temporal`), rounds: the server does not start\n" in text
    assert "`dapr-agents-no-memory`.\n" in text  # the last of those that were not measured


def test_a_round_is_shown_with_what_measuring_cost() -> None:
    text = page(measured(take()), Capacity())
    assert (
        "| **my-agents** | 1.20 | 0.40 | 0.00 | 0.20 | 0.37 | 80 | 90 | 90 | 0 | – | 1.00 | 0 | 0 |" in text
    )
    assert "Of one round; p99" in text


def test_what_never_came_is_the_slowest_and_its_cost_is_not_told() -> None:
    text = page(measured(take(missing_at_rate=1, missing=1, app_cpu_ms=None)), Capacity())
    assert "| **my-agents** | 800 | 5.0 | ∞ | 304 |" in text
    assert "| **my-agents** | – | 0.40 |" in text


def test_a_kill_is_shown_with_what_it_cost() -> None:
    text = page(Results(kills=[kill(contender="bare", rate=5, lost=2, doubled=5)]), Capacity())
    assert "| app | shipped | 5 | 2 of 1,000 | 5 | 1 | 50 | 8.0 s |" in text
    assert "The hard one" not in text


@pytest.mark.parametrize(
    ("changes", "met"),
    [
        ({}, True),
        ({"lost": 1}, False),
        ({"doubled": 1}, False),
        ({"last_s": 10.1}, False),
        ({"repeated": 2}, False),
    ],
)
def test_one_lost_event_or_too_late_a_result_misses_the_target(changes: dict[str, object], met: bool) -> None:
    results = Results(kills=[kill(**changes), kill(contender="bare", lost=9, kills=18)])
    assert [one.met for one in found("SIGKILL of the app", results)] == [met, None]
    assert [one.met for one in found("18 SIGKILLs", results)] == [None]


def test_ratios_are_held_against_their_targets() -> None:
    results = Results(ratios={"throughput_vs_bare": 2.6, "p50_vs_bare": 0.9, "ideal_fraction_200ms": 0.95})
    met = {one.wanted: one.met for one in targets(results, Capacity()) if one.met is not None}
    assert met == {"≥ 2.5": True, "≥ 0.95": True, "≤ 0.8": False}


def test_a_soak_meets_its_targets_one_by_one() -> None:
    assert [one.met for one in found("100,000", Results(soak=SOAK))] == [True, True, True]
    lost = SOAK.model_copy(update={"last_to_first": 0.94, "lost": 1})
    assert [one.met for one in found("100,000", Results(soak=lost))] == [False, True, False]


def test_targets_of_capacity_are_on_the_page_too() -> None:
    good = Capacity(width=width(500), replicas=[replicas(1, 1), replicas(3, 2.75)])
    assert [one.met for one in targets(Results(), good)][-2:] == [True, True]
    assert found("throughput of 3", Results(), good)[0].found == "2.75"
    bad = Capacity(width=width(400), replicas=[replicas(1, 1), replicas(3, 2.5)])
    assert [one.met for one in targets(Results(), bad)][-2:] == [False, False]
    assert "events/s 0.80 (0.80 to 0.80)" in found("20 tasks", Results(), bad)[0].found
