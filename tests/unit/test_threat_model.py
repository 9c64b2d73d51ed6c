"""docs/threat-model.md names tests that there are, for each threat of each boundary; so does docs/runbook.md."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
BOUNDARIES = (
    "Caller → agent, HTTP",
    "Broker → sidecar → agent",
    "Agent → state",
    "Agent → model",
    "Agent → outside: mail, webhook",
    "Operator → CLI",
    "Repository → release: prompts, images, dependencies",
    "The cluster",
)
OWASP = (
    "LLM01:2025 Prompt Injection",
    "LLM02:2025 Sensitive Information Disclosure",
    "LLM03:2025 Supply Chain",
    "LLM04:2025 Data and Model Poisoning",
    "LLM05:2025 Improper Output Handling",
    "LLM06:2025 Excessive Agency",
    "LLM07:2025 System Prompt Leakage",
    "LLM08:2025 Vector and Embedding Weaknesses",
    "LLM09:2025 Misinformation",
    "LLM10:2025 Unbounded Consumption",
)
"""As the project names them: https://genai.owasp.org/llm-top-10/."""
NAMED = re.compile(r"`([\w/.-]+\.py)::(\w*)`")


@cache
def named_in(file: Path) -> frozenset[str]:
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def rows(section: str) -> list[list[str]]:
    """The cells of a table's lines, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if "| what we do |" not in line
    ]


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^### \d\. (.+)$", PAGE.read_text().partition("\n## OWASP")[0], flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE.read_text()))))
def test_each_test_that_is_named_exists(path: str, name: str) -> None:
    file = ROOT / path if path.startswith("deploy/") else ROOT / "tests" / path
    assert file.is_file(), f"there is no {path}"
    assert name in named_in(file), f"{path} has no {name}"


def test_every_boundary_is_looked_at_along_every_letter_of_stride() -> None:
    assert tuple(sections()) == BOUNDARIES
    for boundary, section in sections().items():
        letters = [row[0] for row in rows(section)]
        assert list(dict.fromkeys(letters)) == list("STRIDE"), boundary
        assert all(len(row) == 5 for row in rows(section)), boundary


def test_what_nothing_of_ours_shows_says_what_is_not_done() -> None:
    for boundary, section in sections().items():
        for letter, threat, _, shown, missing in rows(section):
            assert shown or missing or letter == "R", f"{boundary}: {threat}"


def test_the_ten_of_owasp_are_there_under_their_own_names_each_with_a_test() -> None:
    found = rows(PAGE.read_text().partition("\n## OWASP")[2])
    assert tuple(row[0].strip("*") for row in found) == OWASP
    assert all(NAMED.search(row[2]) for row in found)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:tests|deploy)/[\w/.-]+)`", (ROOT / "docs/runbook.md").read_text())))
)
def test_what_the_runbook_was_tried_with_exists(path: str) -> None:
    assert (ROOT / path).exists()
