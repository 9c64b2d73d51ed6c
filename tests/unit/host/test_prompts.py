"""Prompts over HTTP, to read."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest

from infrastructure.memory.prompts import MemoryPrompts, simple_prompt
from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample

ROOT = "/api/sample/prompts"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
}
PROMPTS = MemoryPrompts(
    simple_prompt("ask", "Say {{$what}}", version="1.0.0"),
    simple_prompt("ask", "Tell {{$what}}", version="1.1.0", max_tokens=500, output_schema=SCHEMA),
    simple_prompt("tell", "Hi", version="2.0.0-rc.1"),
    drafts=[("ask", "1.1.0")],
)


@pytest.fixture
async def desk(sample: Sample) -> AsyncIterator[Hosted]:
    async with hosted(sample.agent) as running:
        running.service.ports = dataclasses.replace(running.service.ports, prompts=PROMPTS)
        yield running


async def test_the_list_has_states_and_says_what_is_served(desk: Hosted) -> None:
    ask, tell = (await desk.http.get(ROOT)).json()["prompts"]
    assert (ask["name"], ask["version"], ask["variables"], ask["max_tokens"]) == (
        "ask",
        "1.0.0",
        ["what"],
        400,
    )
    assert ask["hash"] == PROMPTS.get("ask").content_hash
    assert ask["versions"] == [
        {"version": "1.0.0", "state": "released", "served": True, "because": None},
        {"version": "1.1.0", "state": "draft", "served": False, "because": None},
    ]
    assert (tell["version"], tell["hash"], len(tell["versions"])) == (None, None, 1)


async def test_a_version_is_shown_whole(desk: Hosted) -> None:
    shown = (await desk.http.get(f"{ROOT}/ask/versions/1.1.0")).json()
    assert (shown["version"], shown["state"], shown["served"]) == ("1.1.0", "draft", False)
    assert shown["template"] == "Tell {{$what}}"
    assert shown["variables"] == [{"name": "what", "description": "", "required": True, "default": None}]
    assert shown["settings"]["max_tokens"] == 500
    assert shown["output_schema"] == SCHEMA
    assert "Tell {{$what}}" in shown["source"]


async def test_two_versions_are_compared(desk: Hosted) -> None:
    found = (await desk.http.get(f"{ROOT}/ask/versions/1.1.0/diff")).json()
    assert (found["from"], found["to"], found["step"], found["least_version"]) == (
        "1.0.0",
        "1.1.0",
        "major",
        "2.0.0",
    )
    assert [change["kind"] for change in found["changes"]] == ["schema", "settings", "wording"]
    assert found["template_diff"].endswith("-Say {{$what}}\n+Tell {{$what}}\n")
    same = (await desk.http.get(f"{ROOT}/ask/versions/1.1.0/diff?against=1.1.0")).json()
    assert (same["changes"], same["step"], same["template_diff"]) == ([], None, "")


async def test_an_input_is_rendered(desk: Hosted) -> None:
    found = await desk.post(f"{ROOT}/ask/versions/1.1.0/render", {"what": "it"})
    assert found.json() == {"messages": [{"role": "user", "content": "Tell it"}]}
    missing = await desk.post(f"{ROOT}/ask/versions/1.1.0/render", {})
    assert missing.status_code == 422
    assert error_of(missing)["details"]["errors"] == [{"field": "what", "message": "required by the prompt"}]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("ask/versions/3.0.0", "there is no prompt 'ask' '3.0.0'"),
        ("nothing/versions/1.0.0", "there is no prompt 'nothing'"),
        ("ask/versions/1.0.0/diff?against=7", "there is no prompt 'ask' '7'"),
    ],
)
async def test_what_is_not_there_is_404_and_names_what_is(desk: Hosted, path: str, says: str) -> None:
    response = await desk.http.get(f"{ROOT}/{path}")
    assert response.status_code == 404
    error = error_of(response)
    assert (error["code"], error["message"]) == ("unknown_prompt", says)
    assert error["details"]["versions"] == (["1.0.0", "1.1.0"] if "ask" in path else [])


async def test_an_unknown_filter_is_named(desk: Hosted) -> None:
    response = await desk.http.get(f"{ROOT}/ask/versions/1.0.0/diff?agianst=1.1.0")
    assert response.status_code == 400
    assert error_of(response)["message"] == "there is no filter 'agianst'; there is against"


async def test_releasing_is_no_route(desk: Hosted) -> None:
    assert (await desk.post(f"{ROOT}/ask/versions/1.1.0/release", {})).status_code == 404
    assert (await desk.http.delete(f"{ROOT}/ask/versions/1.1.0")).status_code == 405
