from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.chat import ChatReply, ChatRequest, Message, Usage
from domain.errors import ModelUnavailable, SidecarUnavailable
from infrastructure.llm.cache.exact import CachedModel
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import asked_by

REQUEST = replace(asked_by(), temperature=0.0)


class Cache:
    def __init__(
        self,
        *script: Scripted,
        store: MemoryStateStore | None = None,
        sampled: bool = False,
        identity: str = "a",
    ) -> None:
        self.asked = ScriptedModel(list(script))
        self.store = store or MemoryStateStore()
        self.telemetry = MemoryTelemetry()
        self.served: list[ChatRequest] = []
        self.model = CachedModel(
            self.asked, self.store, identity=identity, ttl=60, sampled=sampled, telemetry=self.telemetry,
            served=self.served.append,
        )  # fmt: skip


@in_virtual_time
async def test_the_same_question_is_paid_for_once_until_its_time_is_over() -> None:
    cache = Cache("first", "second")
    paid = await cache.model.complete(REQUEST)
    again = await cache.model.complete(REQUEST)
    assert (paid.text, paid.cached, paid.usage.output_tokens) == ("first", False, 2)
    assert again == ChatReply("first", "scripted", Usage(), cost=0.0, cached=True)
    assert (len(cache.served), cache.telemetry.counted("agents.model.cache", result="hit")) == (1, 1)
    await asyncio.sleep(61)
    assert (await cache.model.complete(REQUEST)).text == "second"


@in_virtual_time
async def test_another_replica_is_served_and_its_stream_gets_the_whole_text() -> None:
    one = Cache("first")
    await one.model.complete(REQUEST)
    other = Cache(store=one.store)
    read: list[str] = []
    assert (await other.model.complete(REQUEST, read.append)).cached
    assert read == ["first"]


@pytest.mark.parametrize(
    "changed",
    [
        {"messages": (Message("user", "hello!"),)},
        {"messages": (Message("system", "hello"),)},
        {"max_tokens": 51},
        {"top_p": 0.5},
        {"seed": 1},
        {"output_schema": {"type": "object"}},
        {"output_name": "other"},
        {"origin": asked_by(agent="another").origin},
    ],
)
def test_another_question_is_asked(changed: dict[str, object]) -> None:
    @in_virtual_time
    async def play() -> None:
        cache = Cache("first", "second")
        await cache.model.complete(REQUEST)
        assert (await cache.model.complete(replace(REQUEST, **changed))).text == "second"  # type: ignore[arg-type]

    play()


@in_virtual_time
async def test_another_model_and_another_execution_are_told_apart_from_another_chain() -> None:
    one = Cache("first", "second")
    await one.model.complete(REQUEST)
    other = Cache("third", store=one.store, identity="b")
    assert (await other.model.complete(REQUEST)).text == "third"
    elsewhere = replace(asked_by("other", execution="e9", chain="c9"), temperature=0.0)
    assert (await one.model.complete(elsewhere)).cached  # who asks within an agent makes no difference


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_what_was_drawn_by_chance_is_kept_only_where_that_is_asked_for(temperature: float | None) -> None:
    @in_virtual_time
    async def play() -> None:
        drawn = replace(REQUEST, temperature=temperature)
        cache = Cache("first", "second")
        assert [(await cache.model.complete(drawn)).text for _ in range(2)] == ["first", "second"]
        assert set(cache.store.calls.values()) == {0}
        asked_for = Cache("first", sampled=True)
        assert [(await asked_for.model.complete(drawn)).text for _ in range(2)] == ["first", "first"]

    play()


@in_virtual_time
async def test_equal_questions_at_the_same_time_are_asked_once() -> None:
    cache = Cache("first")
    cache.asked.delay = 1.0
    replies = await asyncio.gather(*(cache.model.complete(REQUEST) for _ in range(10)))
    assert len(cache.asked.requests) == 1
    assert [reply.cached for reply in replies].count(False) == 1


@in_virtual_time
async def test_who_asked_and_went_away_leaves_the_question_to_the_next_one() -> None:
    cache = Cache("never heard", "second")
    cache.asked.delay = 1.0
    first, second = (asyncio.create_task(cache.model.complete(REQUEST)) for _ in range(2))
    await asyncio.sleep(0.5)
    first.cancel()
    assert (await second).text == "second"


@in_virtual_time
async def test_a_failure_is_everybodys_who_waits_and_is_not_kept() -> None:
    cache = Cache(ModelUnavailable("gone"), "second")
    cache.asked.delay = 1.0
    failed = await asyncio.gather(*(cache.model.complete(REQUEST) for _ in range(3)), return_exceptions=True)
    assert {type(failure) for failure in failed} == {ModelUnavailable}
    assert (await cache.model.complete(REQUEST)).text == "second"


@in_virtual_time
async def test_an_answer_that_the_model_is_shown_as_wrong_is_taken_back() -> None:
    cache = Cache("prose", "better", "whole")
    await cache.model.complete(REQUEST)
    shown = (*REQUEST.messages, Message("assistant", "prose"), Message("user", "does not fit"))
    assert (await cache.model.complete(replace(REQUEST, messages=shown))).text == "better"
    assert (await cache.model.complete(REQUEST)).text == "whole"  # asked anew: the next attempt may succeed


class Down(MemoryStateStore):
    async def _call(self, operation: str) -> None:
        raise SidecarUnavailable("down")


@in_virtual_time
async def test_a_store_that_is_down_or_holds_rubbish_costs_the_answer_again() -> None:
    cache = Cache("first", "second", store=Down())
    assert [(await cache.model.complete(REQUEST)).text for _ in range(2)] == ["first", "second"]
    full = Cache("first", "second")
    await full.model.complete(REQUEST)
    (key,) = full.store._documents
    await full.store.put([(key, b"rubbish")], ttl=60)
    assert (await full.model.complete(REQUEST)).text == "second"
