"""Work that only its caller wants: bounded, in turn, and over when the caller leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from fastapi import Request

from infrastructure.host.requests import HttpError
from infrastructure.host.turns import Turns


class Caller:
    """A request whose body is read, and the work that it asks for: it goes on until it is told to end."""

    def __init__(self) -> None:
        self.gone, self.may_end = asyncio.Event(), asyncio.Event()
        self.state = "not begun"

    def ask(self, turns: Turns) -> asyncio.Task[str]:
        async def receive() -> Any:
            await self.gone.wait()
            return {"type": "http.disconnect"}

        return asyncio.ensure_future(_soon(turns.take(Request({"type": "http"}, receive), self.work)))

    async def work(self) -> str:
        self.state = "at work"
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.state = "cancelled"
            raise
        self.state = "done"
        return "the answer"


async def _soon(asked: Awaitable[str]) -> str:
    async with asyncio.timeout(60):
        return await asked


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_comes_when_all_turns_are_taken_waits_for_one() -> None:
    turns, callers = Turns(at_once=2, most=3), [Caller() for _ in range(3)]
    asked = [caller.ask(turns) for caller in callers]
    await settled()
    assert [caller.state for caller in callers] == ["at work", "at work", "not begun"]
    callers[0].may_end.set()
    assert await asked[0] == "the answer"
    await settled()
    assert callers[2].state == "at work"
    for caller in callers:
        caller.may_end.set()
    assert await asyncio.gather(*asked) == ["the answer"] * 3


async def test_who_comes_when_too_many_wait_is_told_to_come_back_and_may_come_back() -> None:
    turns, one = Turns(at_once=1, most=1), Caller()
    asked = one.ask(turns)
    await settled()
    with pytest.raises(HttpError, match="try again") as refused:
        await Caller().ask(turns)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    one.may_end.set()
    await asked
    again = Caller()
    again.may_end.set()
    assert await again.ask(turns) == "the answer"


@pytest.mark.parametrize("how", ["the connection ends", "the request is cancelled"])
async def test_the_work_of_a_caller_who_leaves_is_ended_and_its_turn_is_the_next_ones(how: str) -> None:
    turns, callers = Turns(at_once=1, most=3), [Caller() for _ in range(3)]
    asked = [caller.ask(turns) for caller in callers]
    await settled()
    for at_work_then_waiting in (0, 1):
        if how == "the connection ends":
            callers[at_work_then_waiting].gone.set()
        else:
            asked[at_work_then_waiting].cancel()
    gone = await asyncio.gather(*asked[:2], return_exceptions=True)
    assert all(isinstance(one, HttpError | asyncio.CancelledError) for one in gone)
    await settled()
    assert [caller.state for caller in callers] == ["cancelled", "not begun", "at work"]
    callers[2].may_end.set()
    assert await asked[2] == "the answer"
