"""The arithmetic of the benchmarks, on figures written out."""

from __future__ import annotations

import math

from benchmarks.suite.results import Control, Failure, Round, Take, percentile, ratios
from cli.errors import CommandError
from tests.unit.benchmarks.takes import TAKE

QUIET = Control(events_per_second=6000, spin_s=0.2)


def take(contender: str, events_per_second: float, *, cold_start_s: float | None = 1.0) -> Take:
    ours = contender == "ours"
    return TAKE.model_copy(
        update={
            "contender": contender,
            "cold_start_s": cold_start_s,
            "rss_mb": 90 if ours else 100,
            "latencies_ms": [4.0, 2.0, 9.0] if ours else [8.0, 5.0, 9.0],
            "events_per_second": events_per_second,
            "app_cpu_ms": 0.6 if ours else 2.4,
            "ideal_fraction": 0.95,
        }
    )


def round_of(*takes: Take, kept: bool = True) -> Round:
    return Round(before=QUIET, after=QUIET, drift=0, kept=kept, takes=list(takes))


def test_a_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    rounds = [
        round_of(take("ours", 1200), take("bare", 400)),
        round_of(take("ours", 600), take("bare", 100)),  # a slow minute is slow for both
        round_of(take("ours", 1000), take("bare", 500)),
    ]
    found = ratios(rounds)
    assert found["throughput_vs_bare"] == 3.0
    assert found["p50_vs_bare"] == 0.5
    assert found["cpu_vs_bare"] == 0.25
    assert found["rss_vs_bare"] == 0.9
    assert found["ideal_fraction_200ms"] == 0.95


def test_a_round_that_was_run_again_counts_for_nothing() -> None:
    disturbed = round_of(take("ours", 100), take("bare", 400), kept=False)
    assert ratios([disturbed, round_of(take("ours", 1200), take("bare", 400))])["throughput_vs_bare"] == 3.0


def test_there_is_no_ratio_to_who_was_not_measured_or_not_seen() -> None:
    found = ratios([round_of(take("ours", 1200), take("bare", 400, cold_start_s=None))])
    assert "throughput_vs_temporal" not in found
    assert "cold_start_vs_bare" not in found


def test_drift_is_the_larger_change_of_the_two_controls() -> None:
    assert round(QUIET.drift(Control(events_per_second=5400, spin_s=0.25)), 3) == 0.25


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50.0, 99.0, 7.0)


def test_what_is_missing_is_the_slowest() -> None:
    values = [float(value) for value in range(1, 99)]
    assert (percentile(values, 0.5, missing=2), percentile(values, 0.99, missing=2)) == (50.0, math.inf)


def test_a_failure_is_told_shortly_and_without_paths() -> None:
    error = CommandError("uv failed, see /home/somebody/.cache/my-agents/logs/x.log\nTraceback …")
    failure = Failure.of("bare", "rounds: environment", error)
    assert failure.message == "uv failed, see …"
