from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from cli.errors import CommandError
from cli.group import agents as command
from infrastructure.memory.prompts import MemoryPrompts
from tests.unit.cli.served import Served
from tests.unit.cli.two_agents import PLANNER, READER

Call: TypeAlias = Callable[..., Result]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The two agents of `two_agents.py`, served; the current folder is their project."""
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "APP_API_TOKEN", "AGENTS_URL_READER", "AGENTS_URL_PLANNER"):
        monkeypatch.delenv(name, raising=False)
    with Served([PLANNER, READER], tmp_path, prompts=MemoryPrompts()) as running:
        yield running


@pytest.fixture
def agents() -> Call:
    """The `agents` command; a CommandError ends it as in the real one: message, hint and exit code."""

    def call(*words: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(command, words, input=stdin, prog_name="agents")
        if isinstance(result.exception, CommandError):
            error = result.exception
            result.exit_code = int(error.code)
            result.stderr_bytes = f"{result.stderr}error: {error.message}\n  {error.hint}\n".encode()
        elif result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
