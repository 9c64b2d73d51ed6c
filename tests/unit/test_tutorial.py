"""docs/adding-an-agent.md, done as it says, in a copy of the project: the page cannot go stale."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/adding-an-agent.md").read_text()
COPIED = ["agents", "cli", "domain", "infrastructure", "components", "prompts", "tests/unit/agents"]
_FILE = re.compile(r"^`(?P<path>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_APPENDED = re.compile(r"Append to `dapr\.yaml`:\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGED = re.compile(r"Change in `pyproject\.toml`.*?\n\n```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the page's agent in it."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in shown().items():
        file = folder / path
        assert not file.exists(), f"{path} is in the project already: choose another example"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "dapr.yaml").write_text((ROOT / "dapr.yaml").read_text() + only(_APPENDED))
    (folder / "pyproject.toml").write_text(changed((ROOT / "pyproject.toml").read_text(), only(_CHANGED)))
    return folder


def shown() -> dict[str, str]:
    return {found["path"]: found["text"] for found in _FILE.finditer(PAGE)}


def only(block: re.Pattern[str]) -> str:
    (found,) = block.findall(PAGE)
    return str(found)


def changed(text: str, difference: str) -> str:
    """The text with the change that the page shows: removed lines, each time followed by what stands there instead."""
    for removed, added in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", difference, re.MULTILINE):
        before = re.sub(r"^-", "", removed, flags=re.MULTILINE)
        assert text.count(before) == 1, f"pyproject.toml does not hold what the page changes:\n{before}"
        text = text.replace(before, re.sub(r"^\+", "", added, flags=re.MULTILINE))
    return text


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={"PATH": "", "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_the_page_shows_every_file_whole() -> None:
    assert list(shown()) == [
        "domain/events/releasenotes.py",
        "agents/release_notes/models.py",
        "agents/release_notes/agent.py",
        "agents/release_notes/__init__.py",
        "prompts/release-notes/write-notes/1.0.0.yaml",
        "tests/unit/agents/test_release_notes.py",
    ]


def test_the_copy_is_what_is_imported(project: Path) -> None:
    done = run(project, "pydoc", "agents.release_notes")
    assert str(project / "agents/release_notes/__init__.py") in done.stdout


def test_the_agent_passes_the_test_that_is_shown_and_the_rules_for_all_agents(project: Path) -> None:
    own, rules = "tests/unit/agents/test_release_notes.py", "tests/unit/agents/test_vocabulary.py"
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "-rA", own, rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        f"PASSED {own}::test_code_that_was_generated_gets_its_notes_once_however_often_it_is_told"
        in done.stdout
    )
    assert f"PASSED {rules}::test_each_prompt_fits_its_agent[release-notes/write-notes]" in done.stdout


@pytest.mark.parametrize("command", [["format", "--check"], ["check"]], ids=" ".join)
def test_the_code_that_is_shown_is_in_the_projects_form(project: Path, command: list[str]) -> None:
    code = [path for path in shown() if path.endswith(".py")]
    done = run(project, "ruff", *command, "--no-cache", *code)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [["infrastructure.prompts.check", "prompts", "--release"], ["cli.documents"]], ids=" ".join
)
def test_the_commands_that_are_shown_succeed(project: Path, command: list[str]) -> None:
    assert f"    python -m {' '.join(command)}\n" in PAGE
    done = run(project, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_room_is_listed_where_rooms_are(project: Path) -> None:
    assert (project / "pyproject.toml").read_text().count("release_notes") == 2
