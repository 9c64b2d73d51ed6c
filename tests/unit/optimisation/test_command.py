"""`agents prompts optimise` as a person types it, against a server of chat completions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from cli.errors import CommandError
from cli.group import agents as group
from domain import json
from domain.chat import ChatRequest, Message
from tests.stand_ins.openai_server import MODEL, OpenAIServer, answer, status
from tests.support.commands import enter_project, interrupted, serving_beside, started
from tests.unit.optimisation.making import NAME, answering, has_rule, never, written

ROOT = Path(__file__).parents[3]
Call: TypeAlias = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """The stand-in, on a loop of its own: the command runs one itself."""
    with serving_beside() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one prompt, the current folder; the model is the server's."""
    written(tmp_path, cases=12)
    enter_project(tmp_path, server, monkeypatch)
    return tmp_path


def plays(server: OpenAIServer, answers: Callable[[ChatRequest], str]) -> None:
    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        messages = tuple(Message(one["role"], one["content"]) for one in body["messages"])
        name = body["response_format"]["json_schema"]["name"]
        return await answer(answers(ChatRequest(messages, 100, output_name=name)))(request, body)

    server.next = [play] * 300


@pytest.fixture
def agents() -> Call:
    def call(*words: str) -> Result:
        result = CliRunner().invoke(group, ["prompts", "optimise", *words], prog_name="agents")
        if isinstance(result.exception, CommandError):
            error = result.exception
            result.exit_code = int(error.code)
            result.stderr_bytes = f"{result.stderr}error: {error.message}\n  {error.hint}\n".encode()
        elif result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def files(project: Path) -> set[str]:
    return {path.name for path in (project / "prompts").rglob("*") if path.is_file()}


def test_it_writes_a_draft_and_shows_its_evaluation(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    plays(server, answering(has_rule))
    result = agents(NAME, "--yes")
    assert result.exit_code == 0, result.stderr
    assert "calls, about" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"{NAME} 1.0.0: 3 cases to learn from, 3 to choose by, 6 held out (seed 1)"
    assert any(line.startswith("held-out cases: 0.33 before, 1.00 after; ") for line in lines)
    assert f"prompts/{NAME}/1.1.0.yaml is the draft" in lines
    assert files(project) == {"1.0.0.yaml", "1.1.0.yaml", "1.1.0.optimised.json", "cases.yaml"}


def test_a_figure_that_may_be_chance_is_called_so(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, answering(has_rule))
    assert "the interval holds 0: this may be chance; more cases would tell" in agents(NAME, "--yes").stdout


def test_as_json_it_prints_the_record(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, answering(has_rule))
    shown = json.parse(agents(NAME, "--yes", "--json").stdout)
    assert shown["draft"] == f"prompts/{NAME}/1.1.0.yaml"
    assert shown["result"]["verdict"] == "cannot tell"
    assert len(shown["held_out"]) == 6
    assert shown["model"] == {"provider": "openai", "name": MODEL, "digest": None}
    assert shown["calls"] == len(server.requests)


def test_where_nothing_helps_there_is_no_draft(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, answering(never))
    result = agents(NAME, "--yes")
    assert result.exit_code == 1
    assert "nothing better was found, and no draft was written: no candidate did better" in result.stdout
    assert files(project) == {"1.0.0.yaml", "cases.yaml"}
    assert json.parse(agents(NAME, "--yes", "--json").stdout)["draft"] is None


def test_what_was_asked_once_is_not_asked_again(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, answering(never))
    first = agents(NAME, "--yes", "--json").stdout
    asked = len(server.requests)
    again = json.parse(agents(NAME, "--yes", "--json").stdout)
    assert len(server.requests) == asked
    assert again["calls"] == 0
    assert again["tried"] == json.parse(first)["tried"]


def test_too_few_cases_are_refused_before_a_call(project: Path, server: OpenAIServer, agents: Call) -> None:
    written(project, cases=8)
    result = agents(NAME)
    assert result.exit_code == 6
    assert f"{NAME}: 8 cases, at least 12 are needed" in result.stderr
    assert "write 4 more" in result.stderr
    assert server.requests == []


def test_a_budget_that_is_too_small_is_refused_before_a_call(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    result = agents(NAME, "--yes", "--calls", "20")
    assert result.exit_code == 6
    assert "the budget is too small: the measurements alone may take 27 calls" in result.stderr
    assert server.requests == []


def test_an_unknown_prompt_and_version_are_named(project: Path, agents: Call) -> None:
    assert agents("desk/sorrt").exit_code == 9
    result = agents(NAME, "--from", "3.0.0")
    assert result.exit_code == 9
    assert "no version 3.0.0" in result.stderr


def test_a_model_that_is_down_ends_it_and_leaves_nothing(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    server.next = [status(503)] * 50
    result = agents(NAME, "--yes")
    assert result.exit_code == 1
    assert "the model could not be asked" in result.stderr
    assert "nothing was written" in result.stderr
    assert files(project) == {"1.0.0.yaml", "cases.yaml"}


@pytest.mark.parametrize("after", [2, 20])
def test_ctrl_c_leaves_nothing(project: Path, server: OpenAIServer, after: int) -> None:
    plays(server, answering(has_rule))
    asked = threading.Event()

    async def hang(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    server.next[after:] = [hang] * 50
    process = started("prompts", "optimise", NAME, "--yes")
    assert asked.wait(60)
    code, stderr = interrupted(process)
    assert code == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    assert files(project) == {"1.0.0.yaml", "cases.yaml"}
