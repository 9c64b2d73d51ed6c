"""Work that only its caller wants: a few at a time, in turn, and none for callers who have left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request

from infrastructure.host.requests import HttpError

Result = TypeVar("Result")


class Turns:
    """`at_once` run, up to `most` run or wait; whoever comes then is told to come back."""

    def __init__(self, at_once: int, most: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most = most
        self._there = 0

    async def take(self, request: Request, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do it in its turn. It is cancelled, waiting or at work, as soon as its caller leaves; call once the body is read.

        Raises:
            HttpError: `most` are there already, or the caller has left.

        """
        if self._there >= self._most:
            raise HttpError(503, "busy", f"{self._most} of these run or wait here: try again", retry_after=1)
        self._there += 1
        try:
            return await _while_there(request, self._in_turn(work))
        finally:
            self._there -= 1

    async def _in_turn(self, work: Callable[[], Awaitable[Result]]) -> Result:
        async with self._free:
            return await work()


async def _while_there(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HttpError(400, "malformed", "the connection ended before the answer", close=True)
    finally:
        # Whoever is cancelled here, or leaves, takes the work along: nobody else would see what it gives.
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
