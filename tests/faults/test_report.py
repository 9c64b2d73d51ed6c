"""The page of figures is what its data says."""

from __future__ import annotations

from tests.faults.figures import Figures
from tests.faults.report import PAGE, Entry, Report, page, read, tables


def test_the_page_shows_the_figures_of_its_data() -> None:
    text = PAGE.read_text()
    assert page(text, read()) == text


def test_a_row_stands_in_the_table_with_its_command() -> None:
    figures = Figures(
        row="k", chains=1000, asked=1000, seed=7, calls_per_event=1.0, last=0.4, at="2026-11-21"
    )
    made = tables(Report(on={"redis": {"k": Entry(figures=figures, ran_on="daprd 1.16.0, 2 cores")}}))
    assert "| k | every event five times in parallel under one id | 1,000 | 0 | 0 |" in made
    assert (
        "| k | `python -m tests.faults k --chains 1000 --seed 7` | 2026-11-21 | daprd 1.16.0, 2 cores |"
        in made
    )


def test_prose_around_the_tables_stays() -> None:
    text = PAGE.read_text()
    made = page(text, Report())
    assert made.startswith("# Reliability")
    assert made.rstrip().endswith("leaves the logs and data of the run there.")
