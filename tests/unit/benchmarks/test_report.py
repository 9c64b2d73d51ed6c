"""The page is made of the figures: whatever is missing in them is missing in it, and nothing else."""

from __future__ import annotations

from benchmarks.report.page import page
from benchmarks.report.targets import targets
from benchmarks.suite.results import Kill, Results


def kill(**changes: object) -> Kill:
    quiet = Kill(
        contender="ours", killed="app", redelivery="shipped", replicas=1, kills=1, rate=100, events=1000, lost=0,
        doubled=0, repeated=1, calls_again=50, last_s=8.0,
    )  # fmt: skip
    return quiet.model_copy(update=changes)


def test_a_page_without_figures_says_who_was_not_measured() -> None:
    text = page(Results())
    assert "Not in the latest run: `ours`, `bare`, " in text
    assert "SIGKILL in mid-run\n\n![" not in text


def test_a_kill_is_shown_with_what_it_cost() -> None:
    text = page(Results(kills=[kill(contender="bare", lost=2, doubled=5)]))
    assert "| app | shipped | 2 of 1,000 | 5 | 1 | 50 | 8.0 s |" in text


def test_one_lost_event_or_too_late_a_result_misses_the_target() -> None:
    kills = [kill(), kill(lost=1), kill(doubled=1), kill(last_s=10.1), kill(repeated=2)]
    assert [target.met for target in targets(Results(kills=kills))] == [True, False, False, False, False]


def test_ratios_are_held_against_their_targets() -> None:
    ratios = {"throughput_vs_bare": 2.6, "p50_vs_bare": 0.9, "ideal_fraction_200ms": 0.95}
    met = {target.wanted: target.met for target in targets(Results(ratios=ratios))}
    assert met == {"≥ 2.5": True, "≥ 0.95": True, "≤ 0.8": False}
