from __future__ import annotations

import math
from random import Random

import pytest

from infrastructure.evaluation.compare import compare, interval


def scores(*values: float) -> dict[str, float]:
    return {f"case-{number}": value for number, value in enumerate(values)}


def test_six_cases_that_are_all_better_show_it_and_five_cannot() -> None:
    assert str(compare(scores(*[0] * 6), scores(*[1] * 6))) == "better: +1.00 [+1.00, +1.00] over 6 cases"
    assert (
        str(compare(scores(*[0] * 5), scores(*[1] * 5))) == "cannot tell: +1.00 [-1.00, +1.00] over 5 cases"
    )


def test_worse_is_the_mirror_of_better() -> None:
    one, other = scores(0.9, 1, 0.8, 1, 0.7, 1, 0.9, 1), scores(0.5, 0.4, 0.6, 0.5, 0.6, 0.5, 0.3, 0.9)
    worse, better = compare(one, other), compare(other, one)
    assert worse
    assert better
    assert (worse.verdict, better.verdict) == ("worse", "better")
    assert worse.low == pytest.approx(-better.high)
    assert worse.high == pytest.approx(-better.low)


def test_the_same_scores_cannot_be_told_apart() -> None:
    found = compare(scores(0.1, 0.7, 1, 0.5, 0.2, 0.9, 0), scores(0.1, 0.7, 1, 0.5, 0.2, 0.9, 0))
    assert str(found) == "cannot tell: +0.00 [+0.00, +0.00] over 7 cases"


def test_three_of_ten_cases_are_too_few() -> None:
    found = compare(scores(*[0] * 10), scores(1, 1, 1, *[0] * 7))
    assert found
    assert found.verdict == "cannot tell"


def test_only_cases_that_both_have_are_compared() -> None:
    assert compare({"a": 1.0}, {"b": 1.0}) is None
    found = compare({"a": 1.0, "b": 0.0}, {"b": 0.5, "c": 1.0})
    assert found
    assert (found.cases, found.difference) == (1, 0.5)


def test_the_interval_of_three_known_differences_is_the_published_one() -> None:
    """Of 1, 2, 6 the typical values are 1, 1.5, 2, 3, 3.5, 4, 6: seven values, eight equally likely pieces; 95 % needs more."""
    assert interval([1, 2, 6]) == (-1.0, 1.0)
    # Of six, 63 typical values: the least and the greatest leave out 2 in 64 together.
    assert interval([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == (0.1, 0.6)


@pytest.mark.parametrize("cases", [8, 14])
@pytest.mark.parametrize("shape", ["normal", "lattice"])
def test_the_interval_holds_the_centre_as_often_as_it_says(cases: int, shape: str) -> None:
    """By simulation: in 95 % of the runs at least, give or take three standard errors."""
    draw = Random(7)
    runs = 800 if cases <= 8 else 150

    def difference() -> float:
        return 0.1 + (draw.gauss(0, 0.3) if shape == "normal" else draw.choice([-0.5, -0.25, 0, 0.25, 0.5]))

    held = 0
    for _ in range(runs):
        low, high = interval([difference() for _ in range(cases)])
        held += low <= 0.1 + 1e-9 and high >= 0.1 - 1e-9
    assert held / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_a_true_difference_is_found() -> None:
    draw = Random(3)
    found = 0
    for _ in range(200):
        low, _high = interval([draw.gauss(0.3, 0.25) for _ in range(10)])
        found += low > 0
    assert found >= 160
