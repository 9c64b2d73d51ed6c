"""Two releases of one agent on one store, as in a rolling upgrade and on the way back."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from agents.runtime import Agent, Context, Outcome
from domain import json
from domain.event import Event
from domain.execution import Trigger
from domain.ports.pubsub import Answer
from infrastructure.host.service import Service
from infrastructure.testing.platform import MemoryPlatform
from tests.faults.load import spec_event
from tests.faults.releases import newer, older


async def deliver(service: Service, number: int, **more: object) -> None:
    message = spec_event(f"r.0.{number:05}7", **more)
    topic = Event.from_json(message).type
    assert await service.intake.deliver(topic, message) is Answer.SUCCESS


async def drawer(platform: MemoryPlatform) -> dict[str, Any]:
    stored = await platform.stores["implementation"].get("entity:tally:drawer-7")
    assert stored is not None
    state: dict[str, Any] = json.parse(stored.data)["state"]
    return state


async def test_a_change_by_the_older_release_keeps_the_fields_that_only_the_newer_one_knows() -> None:
    async with MemoryPlatform([older.AGENT]) as platform:
        before, after = platform.services["implementation"], platform.service(newer.AGENT)
        await deliver(before, 1)
        assert await drawer(platform) == {"written": 1}
        await deliver(after, 2, urgency="high")
        assert await drawer(platform) == {"written": 2, "urgent": 1}
        await deliver(before, 3, urgency="high")
        assert await drawer(platform) == {"written": 3, "urgent": 1}
        await deliver(after, 4, urgency="high")
        assert await drawer(platform) == {"written": 4, "urgent": 2}


class Note(BaseModel):
    text: str | None = None


async def test_a_field_that_a_release_knows_and_empties_stays_empty() -> None:
    agent = Agent("notes", description="Keeps one note.")

    @agent.change
    def write(_: Note, change: Note) -> Note:
        return change

    @agent.task()
    async def note(asked: Note, ctx: Context) -> Outcome:
        return Outcome(output=asked, changes=[write.to("one", asked)])

    async with MemoryPlatform([agent]) as platform:
        await platform.execute("notes", "note", {"text": "milk"})
        await platform.execute("notes", "note", {})
        kept = await platform.services["notes"].runner.work.entities.read(Note, "one")
        assert kept == Note(text=None)


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word: str


class Toned(Plain):
    tone: str = "calm"


def shouting(takes: type[Plain]) -> Agent:
    agent = Agent("sample", description="Shouts.")

    async def shout(asked: Plain, ctx: Context) -> Outcome:
        return Outcome(output=asked)

    shout.__annotations__["asked"] = takes
    agent.task()(shout)
    return agent


async def test_what_only_the_newer_release_understands_is_a_dead_letter_that_a_replay_mends() -> None:
    async with MemoryPlatform([shouting(Plain)]) as platform:
        before, after = platform.services["sample"], platform.service(shouting(Toned))
        asked = {"word": "hi", "tone": "loud"}
        sent = {"agent": "sample", "task": "shout", "source": "/callers/a", "input": asked}
        request = Trigger(**sent, key="1")
        assert await before.runner.deliver(request) is Answer.SUCCESS
        failed = await after.runner.find(request.execution_id)
        assert failed is not None
        assert failed.outcome is not None
        assert failed.outcome.error is not None
        assert failed.outcome.error.code == "invalid_input"
        assert failed.outcome.dead_letter is not None
        again = Trigger(**sent, key="2", replay_of=request.execution_id)
        assert await after.runner.deliver(again) is Answer.SUCCESS
        mended = await after.runner.find(again.execution_id)
        assert mended is not None
        assert mended.outcome is not None
        assert mended.outcome.output == asked
