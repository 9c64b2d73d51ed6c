"""Who is concerned by a saved file, without starting anything."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from cli.local.imports import Imports
from cli.local.watch import Watched, _is_prompt, _problem, _reach, look

ROOT = Path(__file__).parents[3]
IMPLEMENTATION = Watched("implementation", "agents.implementation", "AGENT", cast("Any", []))
DEVOPS = Watched("devops", "agents.devops", "AGENT", cast("Any", []))


@pytest.mark.parametrize(
    ("path", "implementation", "devops"),
    [
        ("agents/implementation/rules.py", True, False),
        ("agents/devops/models.py", False, True),
        ("domain/events/testplanning.py", True, False),
        ("agents/runtime/runner.py", True, True),
        ("domain/event.py", True, True),
        ("infrastructure/dapr/state.py", True, True),
        ("infrastructure/testing/model.py", False, False),
    ],
)
def test_a_file_concerns_who_imports_it(path: str, implementation: bool, devops: bool) -> None:
    imports = Imports(ROOT)
    file = ROOT / path
    assert file.is_file()
    assert (file in _reach(imports, IMPLEMENTATION), file in _reach(imports, DEVOPS)) == (
        implementation,
        devops,
    )


def test_a_file_that_is_broken_for_a_moment_imports_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    room, other = tmp_path / "agents/room.py", tmp_path / "agents/other.py"
    other.write_text("")
    room.write_text("from agents import other\n")
    imports = Imports(tmp_path)
    assert other in imports.of(["agents.room"])
    room.write_text("from agents import (((\n")
    assert other in imports.of(["agents.room"])
    room.write_text("X = 1\n")
    assert other not in imports.of(["agents.room"])


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("prompts/implementation/review-code/1.0.0.yaml", True),
        ("prompts/implementation/review-code/cases.yaml", False),
        ("prompts/prompts.lock", True),
        ("prompts/devops/analyze-sprint/1.0.0.yaml", False),
    ],
)
def test_a_prompt_concerns_its_agent(path: str, own: bool) -> None:
    assert _is_prompt(ROOT, IMPLEMENTATION, ROOT / path) is own


def test_what_tools_leave_behind_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "agents/__pycache__").mkdir(parents=True)
    for name in ("agents/__pycache__/a.py", "agents/.a.py", "agents/a.txt", "agents/a.py"):
        (tmp_path / name).write_text("")
    assert [path.name for path in look(tmp_path)] == ["a.py"]


def test_why_an_agent_would_not_start_is_said_in_a_line(tmp_path: Path) -> None:
    for folder in ("agents/implementation", "agents/runtime", "domain"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "agents/__init__.py", tmp_path / "agents")
    rules = tmp_path / "agents/implementation/rules.py"
    assert _problem(tmp_path, IMPLEMENTATION, {rules}) is None
    rules.write_text("X = 1\n)\n")
    assert (
        _problem(tmp_path, IMPLEMENTATION, {rules}) == "agents/implementation/rules.py, line 2: unmatched ')'"
    )
    rules.write_text("X = Y\n")
    assert _problem(tmp_path, IMPLEMENTATION, {rules}) == "NameError: name 'Y' is not defined"


def test_a_room_that_ends_the_process_without_a_word_is_a_problem_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text("raise SystemExit(3)\n")
    agent = Watched("room", "room", "AGENT", [])
    assert _problem(tmp_path, agent, ()) == "room ends the process with 3 when it is imported"
