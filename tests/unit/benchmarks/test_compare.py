"""When two versions differ, and when a run cannot tell."""

from __future__ import annotations

import argparse

import pytest

from benchmarks.compare.__main__ import _setting
from benchmarks.compare.rows import rows, verdict
from benchmarks.compare.sides import OURS, changed, commit_of
from cli.errors import CommandError
from tests.unit.benchmarks.takes import TAKE

CANNOT_TELL = "no difference that this run can tell"


def test_more_events_are_better_and_more_cpu_is_worse() -> None:
    assert verdict([1.10, 1.11, 1.12], more_is_better=True) == "better"
    assert verdict([1.10, 1.11, 1.12], more_is_better=False) == "worse"
    assert verdict([0.90, 0.91, 0.92], more_is_better=True) == "worse"
    assert verdict([0.90, 0.91, 0.92], more_is_better=False) == "better"


def test_rounds_that_contradict_each_other_tell_nothing() -> None:
    assert verdict([0.99, 1.20, 1.21], more_is_better=True) == CANNOT_TELL


def test_a_difference_within_what_rounds_differ_by_tells_nothing() -> None:
    assert verdict([1.02, 1.08, 1.09], more_is_better=True) == CANNOT_TELL


def test_a_difference_below_the_least_tells_nothing_however_steady() -> None:
    assert verdict([1.019, 1.019, 1.019], more_is_better=True) == CANNOT_TELL


def test_two_rounds_tell_nothing() -> None:
    assert verdict([2.0, 2.0], more_is_better=True) == "cannot be told: seen in fewer than 3 rounds"


def test_a_row_has_the_medians_of_both_and_the_ratio_of_each_round() -> None:
    faster = [TAKE.model_copy(update={"events_per_second": rate}) for rate in (600, 610, 620)]
    row = rows([TAKE] * 3, faster)[0]
    assert (row.title, row.old, row.new) == ("events/s", "500", "610")
    assert (row.ratios, row.ratio, row.verdict) == ([1.2, 1.22, 1.24], 1.22, "better")


def test_a_round_without_a_cold_start_is_left_out_of_that_row_only() -> None:
    unseen = TAKE.model_copy(update={"cold_start_s": None})
    found = {row.title: row for row in rows([TAKE, unseen, TAKE], [TAKE, TAKE, unseen])}
    assert found["cold start, s"].ratios == [1.0]
    assert found["events/s"].ratios == [1.0, 1.0, 1.0]
    assert "cold start, s" not in {row.title for row in rows([unseen], [TAKE])}


def test_a_percentile_that_would_be_the_slowest_of_all_has_no_row() -> None:
    enough = TAKE.model_copy(update={"latencies_ms": [float(number) for number in range(1, 151)]})
    assert "p99 ms" not in {row.title for row in rows([TAKE], [TAKE])}
    assert {row.title: row.old for row in rows([enough], [enough])}["p99 ms"] == "149.00"


@pytest.mark.parametrize("ref", ["no-such-branch", "main; rm -rf x", "--all", "", "HEAD^{tree}"])
def test_a_name_that_is_no_commit_is_a_clear_error(ref: str) -> None:
    with pytest.raises(CommandError, match="is no commit of this repository"):
        commit_of(ref)


def test_settings_are_those_of_the_second_side_alone() -> None:
    shipped, other = changed({"AGENTS_GUARDRAILS": "guardrails.yaml", "AGENTS_LOG_LEVEL": "info"})
    assert shipped.contender == OURS
    assert other.name == "AGENTS_GUARDRAILS=guardrails.yaml AGENTS_LOG_LEVEL=info"
    assert other.contender.environment == {
        "AGENTS_GUARDRAILS": "guardrails.yaml",
        "AGENTS_LOG_LEVEL": "info",
    }


def test_a_setting_is_a_name_and_a_value() -> None:
    assert _setting("A=b=c") == ("A", "b=c")
    for wrong in ("A", "=b", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="write NAME=VALUE"):
            _setting(wrong)
