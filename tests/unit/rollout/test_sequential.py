"""The comparison of versions: what it may say, at every size of counters, however often one looks."""

from __future__ import annotations

import math
import random

import pytest

from benchmarks.rollout import SAME, WORSE, Scenario, taken_back_after
from domain.figures import Mean
from domain.sequential import (
    FEWEST,
    JEFFREYS,
    Interval,
    Rate,
    evidence,
    log_evidence,
    mean_interval,
    rate_interval,
)
from domain.verdict import compare


def values(*numbers: float) -> Mean:
    return Mean(len(numbers), sum(numbers), sum(number**2 for number in numbers))


def test_where_nothing_was_seen_there_is_no_evidence() -> None:
    assert log_evidence(Rate(0, 0), Rate(0, 0)) == 0
    assert log_evidence(Rate(0, 0), Rate(50, 100)) <= 0
    assert log_evidence(Rate(50, 100), Rate(0, 0)) <= 0
    assert rate_interval(Rate(0, 0), 0.05) == Interval(0, 1)
    assert mean_interval(Mean(0, 0, 0), 0.05) == Interval(-math.inf, math.inf)


def test_the_mixture_is_the_mean_likelihood_over_all_rates() -> None:
    # 3 failures of 7 in one order, and 1 of 5: by hand, with the Beta(1/2, 1/2) density, on a fine grid.
    def likelihood(count: int, of: int) -> float:
        steps = 200_000
        points = ((step + 0.5) / steps for step in range(steps))
        # p = sin²(πt/2) turns Jeffreys' density into an even one.
        return (
            sum((s := math.sin(math.pi * t / 2) ** 2) ** count * (1 - s) ** (of - count) for t in points)
            / steps
        )

    highest = (4 / 12) ** 4 * (8 / 12) ** 8
    expected = likelihood(3, 7) * likelihood(1, 5) / highest
    assert JEFFREYS == 0.5
    assert evidence(log_evidence(Rate(3, 7), Rate(1, 5))) == pytest.approx(expected, rel=1e-6)


def test_a_better_candidate_gives_evidence_of_nothing_however_much_better() -> None:
    for candidate, baseline in ((Rate(0, 1000), Rate(900, 1000)), (Rate(10, 100), Rate(10, 100))):
        assert log_evidence(candidate, baseline) < 0


def test_a_worse_candidate_gives_more_evidence_the_longer_it_is_worse() -> None:
    seen = [log_evidence(Rate(15 * n, 100 * n), Rate(45 * n, 900 * n)) for n in (1, 2, 5, 20)]
    assert seen == sorted(seen)
    assert seen[-1] > math.log(60)


def test_counters_of_any_size_are_compared_without_overflow() -> None:
    for n in (1, 10**6, 10**12, 10**15):
        for candidate in (0, 1, n // 2, n):
            for baseline in (0, 1, n // 2, n):
                said = log_evidence(Rate(candidate, n), Rate(baseline, n))
                assert not math.isnan(said)
                assert evidence(said) >= 0
    assert evidence(log_evidence(Rate(10**12, 10**12), Rate(0, 10**12))) > 10**300


def test_an_interval_of_a_rate_holds_what_was_seen_and_narrows() -> None:
    widths = []
    for n in (10, 100, 1000, 10_000):
        low, high = rate_interval(Rate(n // 10, n), 0.05)
        assert low < 0.1 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert rate_interval(Rate(0, 100), 0.05).low == 0
    assert rate_interval(Rate(100, 100), 0.05).high == 1


def test_an_interval_of_a_mean_is_told_from_fifty_values_on() -> None:
    assert mean_interval(values(*[1.0, 3.0] * (FEWEST // 2 - 1)), 0.05) == Interval(-math.inf, math.inf)
    low, high = mean_interval(values(*[1.0, 3.0] * (FEWEST // 2)), 0.05)
    assert low < 2 < high
    assert mean_interval(values(*[2.0] * FEWEST), 0.05) == Interval(2, 2)


def test_the_intervals_hold_the_truth_at_all_times_at_once() -> None:
    missed_rate = missed_mean = 0
    for seed in range(100):
        draw = random.Random(seed)
        count, total, squares = 0, 0.0, 0.0
        rate_missed = mean_missed = False
        for n in range(1, 601):
            count += draw.random() < 0.1
            value = draw.expovariate(1.0)
            total, squares = total + value, squares + value**2
            if n % 5 == 0:
                low, high = rate_interval(Rate(count, n), 0.05) if n % 50 == 0 else (0.0, 1.0)
                rate_missed |= not low <= 0.1 <= high
                low, high = mean_interval(Mean(n, total, squares), 0.05)
                mean_missed |= not low <= 1.0 <= high
        missed_rate += rate_missed
        missed_mean += mean_missed
    assert missed_rate <= 5
    assert missed_mean <= 5


@pytest.mark.parametrize("scenario", SAME[:4], ids=lambda scenario: scenario.name)
def test_looking_after_every_execution_takes_back_no_more_than_five_of_a_hundred(scenario: Scenario) -> None:
    taken = sum(taken_back_after(scenario, seed, executions=800) is not None for seed in range(60))
    assert taken <= 3


def test_a_much_worse_candidate_is_seen_within_some_thousand_executions_at_a_tenth_of_the_work() -> None:
    after = [taken_back_after(WORSE[0], seed, executions=8000, every=20) or 8000 for seed in range(20)]
    assert sorted(after)[10] < 3000
    assert max(after) < 8000


def test_answers_that_are_all_invalid_are_seen_within_a_few() -> None:
    after = [taken_back_after(WORSE[3], seed, executions=1000) or 1000 for seed in range(20)]
    assert max(after) < 200


def test_a_candidate_may_cost_more_but_not_more_than_was_said() -> None:
    baseline = {"tokens.n": 1000, "tokens.sum": 1e6, "tokens.squares": 1.0001e9}
    twice = {"tokens.n": 1000, "tokens.sum": 2e6, "tokens.squares": 4.0001e9}
    cost = compare(twice, baseline, dearer=25)[2]
    assert (cost.criterion, cost.worse) == ("cost", True)
    assert "costs 2000 tokens, against 1000 tokens" in cost.because
    assert not compare(twice, baseline, dearer=150)[2].worse


def test_money_is_compared_where_every_answer_has_a_price() -> None:
    tokens = {"tokens.n": 100, "tokens.sum": 1e5, "tokens.squares": 1e8}
    priced = tokens | {"cost.n": 100, "cost.sum": 1.0, "cost.squares": 0.01}
    dear = tokens | {"cost.n": 100, "cost.sum": 2.0, "cost.squares": 0.04}
    assert compare(dear, priced, dearer=25)[2].worse
    assert not compare(dear, tokens, dearer=25)[2].worse


def test_with_several_candidates_each_has_to_be_surer() -> None:
    candidate, baseline = {"executions": 100, "blamed": 15}, {"executions": 900, "blamed": 45}
    alone, third = (compare(candidate, baseline, dearer=25, candidates=n)[0] for n in (1, 3))
    assert (alone.needed, third.needed) == pytest.approx((60, 180))
