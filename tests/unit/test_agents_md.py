"""AGENTS.md names what is there: each `make` target, each `agents` command and option, each path."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cli.group import agents

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "AGENTS.md").read_text()
CODE = re.findall(r"`([^`]+)`", PAGE)
COMMANDS = sorted({word for code in CODE for word in code.split("; ") if re.match(r"agents [a-z]", word)})
_GENERIC = ("<", "*")


def test_it_is_short() -> None:
    assert len(PAGE.splitlines()) <= 80


def test_each_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert {"check", "test", "faults"} <= named
    assert named <= targets


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_exists_with_its_options(line: str) -> None:
    command: click.Command = agents
    context = click.Context(command)
    words = line.split()[1:]
    while words and words[0].islower() and isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_commands_that_matter_are_named() -> None:
    named = " ".join(COMMANDS)
    for command in ("up --watch", "new agent", "new task", "new prompt", "doctor", "dead-letters replay"):
        assert f"agents {command}" in named


def test_each_path_exists() -> None:
    paths = {code for code in CODE if re.fullmatch(r"[\w.<>*/-]+/[\w.<>*/-]+|\w+\.(md|py)", code)}
    real = {path for path in paths if not any(sign in path for sign in _GENERIC)}
    assert {"domain/errors.py", "tests/simulation"} <= real
    assert [path for path in sorted(real) if not (ROOT / path).exists()] == []
