"""`agents prompts judge` as a person types it, against a server of chat completions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from cli.errors import CommandError
from cli.group import agents as group
from domain import json
from infrastructure.evaluation.judging import known_verdicts
from tests.stand_ins.openai_server import OpenAIServer, answer, status
from tests.support.commands import enter_project, serving_beside


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with serving_beside() as made:
        enter_project(tmp_path, made, monkeypatch)
        yield made


def judged(*words: str) -> Result:
    return CliRunner().invoke(group, ["prompts", "judge", *words], prog_name="agents")


def plays(server: OpenAIServer, *, mistakes: int) -> None:
    """A judge that is right about all but so many."""
    scores = {
        one.answer: 5 if one.good == (number >= mistakes) else 1
        for number, one in enumerate(known_verdicts())
    }

    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        shown = body["messages"][-1]["content"].partition("<answer>")[2].partition("</answer>")[0].strip()
        grade = {"reason": "So it is.", "score": scores[shown]}
        return await answer(json.dump(grade).decode())(request, body)

    server.usual = play


def test_a_judge_that_agrees_with_ten_is_believed_and_each_verdict_is_shown(server: OpenAIServer) -> None:
    plays(server, mistakes=2)
    result = judged()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].endswith("agrees with 10 of 12 known verdicts")
    assert [line[0] for line in result.stdout.splitlines()[:-1]] == ["✗"] * 2 + ["✓"] * 10
    assert (
        "✗ a good answer (The answer names the likeliest cause of the problem.) judged 1: So it is."
        in result.stdout
    )


def test_a_judge_that_agrees_with_nine_is_not_and_asked_again_it_answers_from_the_cache(
    server: OpenAIServer,
) -> None:
    plays(server, mistakes=3)
    assert judged().exit_code == 1
    again = judged("--json")
    assert len(server.requests) == 12
    told = json.parse(again.stdout)
    assert (again.exit_code, told["agreed"], told["of"], told["believed"]) == (1, 9, 12, False)
    assert [one["agrees"] for one in told["verdicts"]].count(False) == 3
    judged("--no-cache")
    assert len(server.requests) == 24


def test_a_judge_that_cannot_be_asked_is_an_error_with_a_cure(server: OpenAIServer) -> None:
    server.usual = status(401)
    failed = judged()
    assert isinstance(failed.exception, CommandError)
    assert int(failed.exception.code) == 4
    assert "does not let us in" in failed.exception.message
    assert "--model" in (failed.exception.hint or "")


def test_a_judge_that_babbles_is_wrong(server: OpenAIServer) -> None:
    server.usual = answer("Well…")
    told = judged()
    assert told.exit_code == 1
    assert "agrees with 0 of 12 known verdicts; do not believe a judge" in told.stdout
