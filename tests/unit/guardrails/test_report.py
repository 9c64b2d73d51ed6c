"""What the documentation says of the rules is so."""

from __future__ import annotations

import pytest

from tests.guardrails.report import PAGE, Judged, figures, judge, page_with, share


@pytest.fixture(scope="module")
def judged() -> tuple[Judged, ...]:
    return judge()


def test_the_figures_in_the_documentation_are_those_of_the_rules(judged: tuple[Judged, ...]) -> None:
    page = PAGE.read_text("utf-8")
    assert page_with(figures(judged), page) == page, "python -m tests.guardrails --report"


def test_of_the_half_held_out_enough_is_caught_and_hardly_anything_harmless_stopped(
    judged: tuple[Judged, ...],
) -> None:
    assert share(judged, "held_out", "attack") >= 95
    assert share(judged, "held_out", "harmless") <= 2
