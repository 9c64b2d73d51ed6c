"""A recorded execution tried again: both results side by side, and no trace of the second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import BaseModel

from agents.runtime import Agent, Context, Outcome
from domain.chat import ChatReply, ChatRequest
from domain.errors import ModelMisconfigured, Rejected
from domain.event import EventData
from domain.ports.channel import NotificationChannel
from domain.ports.model import LanguageModel
from infrastructure.host.trials import AT_ONCE
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.prompts import MemoryPrompts, simple_prompt
from tests.unit.host.hosted import Hosted, error_of, hosted

SCHEMA = {"type": "object", "properties": {"greeting": {"type": "string"}}, "required": ["greeting"]}


class Name(BaseModel):
    name: str


class Greeting(BaseModel):
    greeting: str


class Greeted(EventData, type="agents.greeter.guest.greeted"):
    greeting: str


class Tally(BaseModel):
    greetings: int = 0


AGENT = Agent("greeter", description="Greets.")
AGENT.publishes(Greeted)
GREET = AGENT.prompt("greet", takes=Name, returns=Greeting)


@AGENT.change
def counted(tally: Tally, name: Name) -> Tally:
    return Tally(greetings=tally.greetings + 1)


@AGENT.task()
async def greet(asked: Name, ctx: Context) -> Outcome:
    """Greet somebody."""
    answer = await ctx.ask(GREET, asked)
    return Outcome(
        output=answer, events=[Greeted(greeting=answer.greeting)], changes=[counted.to("all", asked)]
    )


@AGENT.task()
async def write(asked: Name, ctx: Context) -> Outcome:
    """Write to somebody."""
    await ctx.effect(NotificationChannel)
    return Outcome(output=asked)


@AGENT.task()
async def refuse(asked: Name, ctx: Context) -> Outcome:
    """Refuse."""
    raise Rejected("not here")


def by_version(request: ChatRequest) -> str:
    return (
        '{"greeting": "Hello"}' if request.messages[0].content.startswith("Greet") else '{"greeting": "Hi"}'
    )


@pytest.fixture
async def api() -> AsyncIterator[Hosted]:
    prompts = MemoryPrompts(
        simple_prompt("greet", "Greet {{$name}}", output_schema=SCHEMA),
        simple_prompt("greet", "Shortly greet {{$name}}", version="1.1.0", output_schema=SCHEMA),
        drafts=[("greet", "1.1.0")],
    )
    async with hosted(AGENT, model=ScriptedModel(by_version), prompts=prompts) as running:
        yield running


async def done(api: Hosted, task: str = "greet") -> str:
    response = await api.post(f"/api/greeter/{task}", {"name": "Ada"})
    body = response.json()
    return str(body.get("execution_id") or body["error"]["details"]["execution_id"])


async def trial(api: Hosted, execution: str, **prompts: str) -> Any:
    response = await api.post(f"/api/greeter/executions/{execution}/trial", {"prompts": prompts})
    assert response.status_code == 200, response.text
    return response.json()


async def test_both_results_stand_side_by_side_each_with_its_prompt_model_and_tokens(api: Hosted) -> None:
    found = await trial(api, await done(api), greet="1.1.0")
    then, now = found["recorded"], found["tried"]
    assert (then["output"], now["output"]) == ({"greeting": "Hello"}, {"greeting": "Hi"})
    assert (then["prompt"]["version"], now["prompt"]["version"]) == ("1.0.0", "1.1.0")
    assert now["events"] == [{"type": "agents.greeter.guest.greeted", "data": {"greeting": "Hi"}}]
    assert now["usage"]["input_tokens"] > 0
    assert now["model"] == "scripted"
    assert now["status"] == "completed"
    assert now["duration_ms"] >= 0


async def test_another_model_can_be_asked(api: Hosted) -> None:
    @asynccontextmanager
    async def other(name: str) -> AsyncIterator[LanguageModel]:
        if name != "big":
            raise ModelMisconfigured(f"there is no model {name!r}: there is big")
        yield ScriptedModel(['{"greeting": "Good day"}'])

    execution = await done(api)
    api.service.other_model = other
    response = await api.post(f"/api/greeter/executions/{execution}/trial", {"model": "big"})
    assert response.json()["tried"]["output"] == {"greeting": "Good day"}
    refused = await api.post(f"/api/greeter/executions/{execution}/trial", {"model": "small"})
    assert (refused.status_code, error_of(refused)["message"]) == (
        422,
        "there is no model 'small': there is big",
    )


async def test_a_trial_leaves_no_trace(api: Hosted) -> None:
    execution = await done(api)
    await api.platform.quiet()
    record = (await api.http.get(f"/api/greeter/executions/{execution}")).json()
    published, writes = len(api.platform.broker.published), dict(api.platform.stores["greeter"].calls)
    await trial(api, execution, greet="1.1.0")
    await api.platform.quiet()
    assert len(api.platform.broker.published) == published
    assert {**api.platform.stores["greeter"].calls, "get": 0} == {**writes, "get": 0}
    assert (await api.http.get(f"/api/greeter/executions/{execution}")).json() == record
    assert (await api.http.get("/api/greeter/entities/tally/all")).json() == {"greetings": 1}


async def test_a_few_trials_run_at_a_time_and_the_others_wait_for_their_turn(api: Hosted) -> None:
    at_work: list[int] = [0]

    class Slow(ScriptedModel):
        async def complete(
            self, request: ChatRequest, on_text: Callable[[str], None] | None = None
        ) -> ChatReply:
            at_work.append(at_work[-1] + 1)
            await asyncio.sleep(0.01)
            at_work.append(at_work[-1] - 1)
            return await super().complete(request, on_text)

    @asynccontextmanager
    async def other(_: str) -> AsyncIterator[LanguageModel]:
        yield Slow(by_version)

    execution = await done(api)
    api.service.other_model = other
    path = f"/api/greeter/executions/{execution}/trial"
    answers = await asyncio.gather(*(api.post(path, {"model": "slow"}) for _ in range(3 * AT_ONCE)))
    assert [answer.status_code for answer in answers] == [200] * 3 * AT_ONCE
    assert max(at_work) == AT_ONCE


async def test_a_trial_takes_nothing_from_the_budgets_of_the_recorded_chain() -> None:
    model = ScriptedModel(by_version)
    prompts = MemoryPrompts(simple_prompt("greet", "Greet {{$name}}", output_schema=SCHEMA))
    async with hosted(AGENT, model=model, prompts=prompts) as running:
        execution = await done(running)
        await trial(running, execution)
        await trial(running, execution)
    recorded, *tried = [request.origin for request in model.requests]
    assert recorded is not None
    assert recorded.execution_id == execution
    names = {name for one in tried if one for name in (one.execution_id, one.correlation_id)}
    assert len(names) == len(tried)
    assert not names & {execution, recorded.correlation_id}


async def test_what_reaches_outside_is_not_done_for_a_trial(api: Hosted) -> None:
    found = await trial(api, await done(api, "write"))
    assert found["tried"]["status"] == "failed"
    assert "NotificationChannel" in found["tried"]["error"]["message"]


async def test_failed_work_can_be_tried_too(api: Hosted) -> None:
    found = await trial(api, await done(api, "refuse"))
    assert [found[side]["error"]["message"] for side in ("recorded", "tried")] == ["not here", "not here"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"prompts": {"greet": "9.9.9"}}, "there is no version 9.9.9 of the prompt greet"),
        ({"prompts": {"other": "1.0.0"}}, "greeter asks no prompt 'other'"),
        ({"prompt": "1.0.0"}, "send {}, or as much of it as is wanted"),
        ({"prompts": ["greet"]}, "send {}, or as much of it as is wanted"),
        ({"model": 5}, "send {}, or as much of it as is wanted"),
        ({"model": "other"}, "no other model can be asked here"),
    ],
)
async def test_what_cannot_be_tried_is_refused_with_what_there_is(
    api: Hosted, body: Any, message: str
) -> None:
    response = await api.post(f"/api/greeter/executions/{await done(api)}/trial", body)
    assert response.status_code == 422
    assert message in error_of(response)["message"]


async def test_an_execution_that_nobody_knows_is_404(api: Hosted) -> None:
    response = await api.post("/api/greeter/executions/00000000-0000-5000-8000-000000000000/trial", {})
    assert (response.status_code, error_of(response)["code"]) == (404, "unknown_execution")
