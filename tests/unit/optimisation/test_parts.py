from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.evaluation.cases import Case
from infrastructure.optimisation.parts import Unsuitable, divide


def cases_of(count: int) -> list[Case]:
    return [Case(f"case-{number}", (), {"title": f"title {number}"}, ()) for number in range(count)]


def ids(cases: tuple[Case, ...]) -> set[str]:
    return {case.id for case in cases}


@pytest.mark.parametrize(
    ("count", "sizes"), [(12, (3, 3, 6)), (20, (7, 5, 8)), (30, (10, 8, 12)), (100, (35, 25, 40))]
)
def test_four_tenths_are_held_out_and_no_part_is_too_small(count: int, sizes: tuple[int, int, int]) -> None:
    parts = divide(cases_of(count), 1)
    assert (len(parts.training), len(parts.validation), len(parts.held_out)) == sizes
    assert len(ids(parts.training) | ids(parts.validation) | ids(parts.held_out)) == count


def test_the_same_seed_gives_the_same_parts_in_whatever_order_the_cases_stand() -> None:
    cases = cases_of(20)
    assert divide(cases, 1) == divide(cases[::-1], 1)
    assert ids(divide(cases, 1).held_out) != ids(divide(cases, 2).held_out)


def test_too_few_cases_are_refused_with_how_many_to_write() -> None:
    with pytest.raises(
        Unsuitable, match="11 cases, at least 12 are needed, 6 of them to judge by alone: write 1 more"
    ):
        divide(cases_of(11), 1)


def test_one_input_is_never_in_two_parts() -> None:
    twin = Case("twin", (), {"title": "title 3"}, ())
    with pytest.raises(
        Unsuitable, match="the cases case-3 and twin have the same input: make one case of them"
    ):
        divide([*cases_of(14), twin], 1)


def test_the_documentation_names_the_numbers() -> None:
    text = (Path(__file__).parents[3] / "docs" / "optimise.md").read_text()
    assert "at least 12 cases" in text
