"""A benchmark is fair only when all do the same work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.implementation import AGENT
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.common import work
from domain.chat import ChatReply, ChatRequest, Usage
from domain.event import Event
from domain.events.implementation import CodeGenerated
from domain.json import dump
from infrastructure.llm.clients.endpoint import endpoint_from
from infrastructure.llm.clients.request import body_for
from infrastructure.llm.clients.settings import ModelSettings
from infrastructure.memory.model import ScriptedModel, answer_by_schema
from infrastructure.testing.platform import MemoryPlatform

CASE = {
    "id": "TC-1",
    "title": "The link works once",
    "given": "a link",
    "when": "it is used twice",
    "then": "the second time is refused",
    "priority": "high",
    "kind": "unit",
}
SPEC: dict[str, Any] = {
    "spec_id": "evt-abc-1",
    "feature_title": "evt-abc-1 Rücksetzen per Mail",
    "summary": "Whoever forgot the password gets a link.",
    "cases": [CASE, {**CASE, "id": "TC-2", "title": "An old link is refused"}],
}


@pytest.fixture
async def asked_and_published(monkeypatch: pytest.MonkeyPatch) -> tuple[ChatRequest, Event]:
    """What our agent asks for this event, and what it publishes."""
    monkeypatch.setenv("OPENAI_MODEL", "bench")
    model = ScriptedModel(
        lambda request: ChatReply(text=answer_by_schema(request), model="bench", usage=Usage())
    )
    async with MemoryPlatform([AGENT], model=model) as platform:
        platform.publish(Event(id="evt-abc-1", source="/bench", type=work.SPECS, data=SPEC))
        await platform.quiet()
    (request,) = model.requests
    (event,) = (event for event in platform.events if event.type == work.CODE)
    return request, event


async def test_the_others_ask_the_model_what_our_agent_asks_to_the_byte(
    asked_and_published: tuple[ChatRequest, Event],
) -> None:
    settings = ModelSettings(
        llm_provider="openai", openai_base_url="http://127.0.0.1:1/v1", openai_model="bench"
    )
    ours = body_for(asked_and_published[0], endpoint_from(settings), stream=False)

    theirs = work.request(SPEC)

    assert theirs.keys() == ours.keys()
    # As the openai SDK encodes it.
    assert {
        k: json.dumps(v, ensure_ascii=False, separators=(",", ":")).encode() for k, v in theirs.items()
    } == {k: dump(v) for k, v in ours.items()}


async def test_the_others_publish_what_our_agent_publishes(
    asked_and_published: tuple[ChatRequest, Event],
) -> None:
    request, ours = asked_and_published

    theirs = json.loads(work.code_generated(SPEC, answer_by_schema(request)))

    assert theirs.keys() == ours.data.keys()
    assert CodeGenerated(**theirs).spec_id == CodeGenerated(**ours.data).spec_id == "evt-abc-1"


def test_every_other_has_an_app_and_a_lock_with_hashes() -> None:
    for contender in CONTENDERS.values():
        if contender.name != "ours":
            assert (contender.folder / contender.command[0]).is_file()
            assert "--hash=sha256:" in (contender.folder / "requirements.lock").read_text()
