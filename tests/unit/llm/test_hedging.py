from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import ModelUnavailable
from infrastructure.llm.hedging import HedgedModel
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import REQUEST


class Delays:
    """Takes as long for each call as it is told; an error after so long where one is given."""

    def __init__(self, *calls: float | tuple[float, Exception]) -> None:
        self._calls = list(calls)
        self.began = 0
        self.cancelled = 0

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        call = self._calls[self.began]
        self.began += 1
        number = self.began
        seconds, error = call if isinstance(call, tuple) else (call, None)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if error:
            raise error
        return ChatReply(str(number), "m", Usage(1, 1))

    async def check(self) -> None: ...

    async def close(self) -> None: ...


async def asked(*calls: float | tuple[float, Exception]) -> tuple[str, float, Delays]:
    delays = Delays(*calls)
    began = asyncio.get_running_loop().time()
    reply = await HedgedModel(delays, after=2.0, telemetry=MemoryTelemetry()).complete(REQUEST)
    return reply.text, asyncio.get_running_loop().time() - began, delays


@in_virtual_time
async def test_who_is_in_time_is_asked_once() -> None:
    text, took, delays = await asked(1.9)
    assert (text, took, delays.began) == ("1", 1.9, 1)


@in_virtual_time
async def test_who_is_late_is_asked_again_and_the_slower_call_is_given_up() -> None:
    text, took, delays = await asked(60.0, 1.0)
    assert (text, took, delays.began, delays.cancelled) == ("2", 3.0, 2, 1)
    text, took, delays = await asked(2.5, 60.0)
    assert (text, took, delays.began, delays.cancelled) == ("1", 2.5, 2, 1)


@in_virtual_time
async def test_a_call_that_fails_leaves_the_answer_to_the_other() -> None:
    text, took, _ = await asked((3.0, ModelUnavailable("gone")), 4.0)
    assert (text, took) == ("2", 6.0)
    with pytest.raises(ModelUnavailable, match="first"):
        await asked((3.0, ModelUnavailable("first")), (4.0, ModelUnavailable("second")))
    with pytest.raises(ModelUnavailable, match="at once"):
        await asked((0.1, ModelUnavailable("at once")))


@in_virtual_time
async def test_who_goes_away_gives_up_both_calls_and_nothing_that_is_streamed_is_asked_twice() -> None:
    delays = Delays(60.0, 60.0)
    call = asyncio.create_task(HedgedModel(delays, after=1.0, telemetry=MemoryTelemetry()).complete(REQUEST))
    await asyncio.sleep(5)
    call.cancel()
    await asyncio.wait({call})
    assert delays.cancelled == 2
    streamed = Delays(60.0)
    await HedgedModel(streamed, after=1.0, telemetry=MemoryTelemetry()).complete(REQUEST, lambda _: None)
    assert streamed.began == 1
