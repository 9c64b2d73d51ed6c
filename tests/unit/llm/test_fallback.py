from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import (
    AgentError,
    ModelAnswerInvalid,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnavailable,
)
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.llm.fallback import Candidate, FallbackModel
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import REQUEST


def told(model: str, text: str = "well") -> ChatReply:
    return ChatReply(text, model, Usage(1, 1))


def stacked(
    first: list[Scripted], second: list[Scripted]
) -> tuple[FallbackModel, ScriptedModel, ScriptedModel]:
    a, b = ScriptedModel(first), ScriptedModel(second)
    return FallbackModel([Candidate("a", a), Candidate("b", b)], MemoryTelemetry()), a, b


@pytest.mark.parametrize(
    "error",
    [
        ModelUnavailable("down"),
        ModelRateLimited("busy", retry_after=30.0),
        ModelTimeout("slow"),
        ModelMisconfigured("no such deployment"),
    ],
)
async def test_who_cannot_answer_is_passed_over_and_the_reply_names_who_did(error: AgentError) -> None:
    model, a, b = stacked([error, told("a-1")], [told("b-1")])
    assert (await model.complete(REQUEST)).model == "b-1"
    assert (await model.complete(REQUEST)).model == "a-1"  # the first is asked first again
    assert (len(a.requests), len(b.requests)) == (2, 1)
    telemetry = model._telemetry
    assert isinstance(telemetry, MemoryTelemetry)
    assert telemetry.counted("agents.model.fallbacks", **{"from": "a", "to": "b", "cause": error.code}) == 1


@pytest.mark.parametrize("error", [ModelRefused("no"), ModelTruncated("cut"), ModelAnswerInvalid("prose")])
async def test_what_a_model_says_of_the_input_stands(error: AgentError) -> None:
    model, _, b = stacked([error], [])
    with pytest.raises(type(error)) as raised:
        await model.complete(REQUEST)
    assert raised.value.message == error.message
    assert b.requests == []


async def test_when_all_fail_the_error_tells_of_each_and_lets_the_work_wait() -> None:
    model, _, _ = stacked([ModelTimeout("slow")], [ModelRateLimited("busy", retry_after=3.0)])
    with pytest.raises(ModelRateLimited) as raised:
        await model.complete(REQUEST)
    assert raised.value.message == "a: slow; b: busy"
    assert raised.value.retry_after == 3.0


async def test_when_all_are_too_slow_it_is_a_timeout() -> None:
    model, _, _ = stacked([ModelTimeout("slow")], [ModelTimeout("slow too")])
    with pytest.raises(ModelTimeout, match="a: slow; b: slow too"):
        await model.complete(REQUEST)


async def test_what_the_second_says_of_the_input_tells_of_the_first_as_well() -> None:
    model, _, _ = stacked([ModelUnavailable("gone")], [ModelRefused("filtered")])
    with pytest.raises(ModelRefused, match=r"filtered \(b was asked since others failed: a: gone\)"):
        await model.complete(REQUEST)


@in_virtual_time
async def test_who_hangs_leaves_the_next_one_its_share_of_the_time() -> None:
    slow, quick = ScriptedModel(delay=1000), ScriptedModel([told("b"), told("b")])
    model = FallbackModel([Candidate("a", slow), Candidate("b", quick)], MemoryTelemetry())
    assert (await model.complete(REQUEST)).model == "b"
    assert asyncio.get_running_loop().time() == pytest.approx(30.0)  # half of the request's 60 s
    model = FallbackModel([Candidate("a", slow, timeout=5.0), Candidate("b", quick)], MemoryTelemetry())
    await model.complete(REQUEST)
    assert asyncio.get_running_loop().time() == pytest.approx(35.0)
    assert quick.requests[-1].timeout == pytest.approx(55.0)


@in_virtual_time
async def test_who_hangs_is_waited_for_three_times_and_then_by_one_call_in_each_pause() -> None:
    hanging, quick = ScriptedModel(delay=1000), ScriptedModel()
    circuit = CircuitBreaker(hanging, silence_is_failure=True)
    model = FallbackModel([Candidate("a", circuit, timeout=5.0), Candidate("b", quick)], MemoryTelemetry())
    now = asyncio.get_running_loop().time
    for _ in range(3):
        await model.complete(REQUEST)
    assert now() == pytest.approx(15.0)
    for _ in range(100):
        await model.complete(REQUEST)
    assert now() == pytest.approx(15.0)
    await asyncio.sleep(3)
    await asyncio.gather(*(model.complete(REQUEST) for _ in range(100)))
    assert now() == pytest.approx(23.0)
    assert len(hanging.requests) == 4
    hanging.delay = 0.1
    await asyncio.sleep(3)
    await model.complete(REQUEST)
    assert len(hanging.requests) == 5
    await asyncio.gather(*(model.complete(REQUEST) for _ in range(100)))
    assert len(hanging.requests) == 105


class CutOff(ScriptedModel):
    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        self.requests.append(request)
        if on_text is not None:
            on_text("half a sen")
        raise ModelUnavailable("the stream ended in the middle")


async def test_a_stream_that_has_sent_text_is_not_begun_anew_by_another() -> None:
    second = ScriptedModel(["whole", "whole"])
    model = FallbackModel([Candidate("a", CutOff()), Candidate("b", second)], MemoryTelemetry())
    read: list[str] = []
    with pytest.raises(ModelUnavailable, match="in the middle"):
        await model.complete(REQUEST, read.append)
    assert (read, second.requests) == (["half a sen"], [])
    assert (await model.complete(REQUEST)).text == "whole"  # nobody reads along: the second may answer


@in_virtual_time
async def test_an_open_circuit_is_passed_over_without_a_call() -> None:
    first, second = ScriptedModel(), ScriptedModel()
    first.down = ModelUnavailable("gone")
    model = FallbackModel([Candidate("a", CircuitBreaker(first)), Candidate("b", second)], MemoryTelemetry())
    for _ in range(50):
        await model.complete(REQUEST)
    assert (len(first.requests), len(second.requests)) == (3, 50)
    first.down = None
    await asyncio.sleep(3)
    await model.complete(REQUEST)
    assert (len(first.requests), len(second.requests)) == (4, 50)


async def test_it_is_ready_while_one_of_them_is() -> None:
    model, a, b = stacked([], [])
    a.down = ModelUnavailable("gone")
    await model.check()
    b.down = ModelMisconfigured("no key")
    with pytest.raises(ModelUnavailable, match="a: gone; b: no key"):
        await model.check()
    await model.close()
    assert a.closed
    assert b.closed
