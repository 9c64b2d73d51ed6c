"""The table of differences in docs/azure.md names tests: they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "azure.md").read_text()
SECTION = TEXT.partition("## What differs")[2].partition("\n## ")[0]
UNSHOWN = {"workflows, actors"}
"""Nothing uses them."""
ROWS = {
    cells[0]: cells[-1]
    for line in SECTION.splitlines()
    if line.startswith("| ")
    and not line.startswith("| |")
    and (cells := [cell.strip() for cell in line.strip("|").split(" | ")])
}


def test_every_difference_is_shown_by_a_test() -> None:
    assert len(ROWS) > 15
    assert {name for name, shown in ROWS.items() if "`: " not in shown} == UNSHOWN


@pytest.mark.parametrize("name", [name for name in ROWS if name not in UNSHOWN])
def test_the_test_that_shows_it_is_there(name: str) -> None:
    for file, words in re.findall(r"`([\w/]+\.py)`: ([^;]+)", ROWS[name]):
        path = ROOT / (file if "/" in file else f"tests/integration/azure/{file}")
        text = path.read_text()
        tests = re.findall(r"def test_(\w+)", text)
        rows = re.findall(r'\bRow\(\s*"([\w-]+)"', text)
        for one in map(str.strip, words.split(", ")):
            wanted = re.sub(r"[ -]", "_", one)
            assert one in rows or any(wanted in test for test in tests), f"{file}: {one}"
