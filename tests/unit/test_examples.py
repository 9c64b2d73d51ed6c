"""Every Python example of the pages below is run: those of docs/testing.md as test modules, the others as they stand.

docs/adding-an-agent.md is run by test_tutorial.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["docs/api.md", "docs/testing.md"]
ELSEWHERE = {"docs/adding-an-agent.md"}
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README_NAMES = """
from agents.implementation.models import DraftCode, GenerateCode, from_spec
from agents.runtime import Agent, Context, Outcome
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
"""


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / page).read_text())


def test_every_page_with_an_example_is_run_by_a_test() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    with_examples = {str(page.relative_to(ROOT)) for page in pages if _BLOCK.search(page.read_text())}
    assert with_examples - ELSEWHERE == {"README.md", *PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_pass_as_tests(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page)):
        (tmp_path / f"test_{number}.py").write_text(block)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["infrastructure.testing.plugin"]\n')
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, "--asyncio-mode=auto",
         "-o", "asyncio_default_fixture_loop_scope=function",
         "--import-mode=importlib", "-W", "error", tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(".") >= len(blocks(page))


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_are_in_the_projects_form(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page)):
        (tmp_path / f"test_{number}.py").write_text(block)
    config = ROOT / "pyproject.toml"
    for words in (["format", "--check"], ["check", "--ignore", "INP001,S101,PLR2004,I001"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "--config", config, tmp_path],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_agent_in_the_readme_is_one() -> None:
    (block,) = blocks("README.md")
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(README_NAMES, "names", "exec"), names)  # noqa: S102  # our own page
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102
    agent = names["AGENT"]
    assert list(agent.tasks) == ["generate-code"]  # type: ignore[attr-defined]
    assert list(agent.prompts) == ["generate-code"]  # type: ignore[attr-defined]
