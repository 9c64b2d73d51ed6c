"""Group commit: what is asked for while a call is on its way goes out together, in the next call.

One that is alone goes at once. A call that carries many costs the app and the sidecar little more than a call of one
(docs/adr/0011-group-commit.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.errors import AgentError
from infrastructure.dapr.sidecar import Refused, Unreachable

Item = TypeVar("Item")

MOST, MOST_BYTES = 64, 96 * 1024
"""Items and bytes of one call: as many as a sidecar delivers at once, and what the component for Service Bus takes (128 KiB)."""
OVERTAKEN_AFTER = 0.05
"""Seconds after which the next call waits no longer for the answer of the last: what is slow holds up its own company alone."""
ALONE_FOR = 30.0
"""Seconds in which each goes alone after a call of several was not answered: one that hangs would hold up the others for ever."""


@dataclass(eq=False, slots=True)
class _Asked(Generic[Item]):
    item: Item
    size: int
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering(Generic[Item]):
    def __init__(
        self,
        call: Callable[[Sequence[Item]], Awaitable[None]],
        *,
        there: Callable[[Sequence[Item]], Awaitable[Sequence[bool | None]]] | None = None,
    ) -> None:
        """`call` takes one item or several, and raises when any of them failed, without saying which.

        `there` is asked after a refusal of several: True of an item that is there now, False when something else is there in
        its place, None when nothing is. Without an answer from it each is tried again alone.
        """
        self._call = call
        self._there = there
        self._waiting: dict[str, _Asked[Item]] = {}
        self._sender: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._alone_until = 0.0

    async def send(self, key: str, item: Item, size: int) -> None:
        """Return once a call that carried `item` was answered, or raise its answer.

        Whoever is cancelled meanwhile stays until the answer: the item must not arrive after what comes next.
        """
        asked = _Asked(item, size)
        # Two of one key in one call would answer for each other.
        if key in self._waiting or asyncio.get_running_loop().time() < self._alone_until:
            self._carry([asked])
        else:
            self._waiting[key] = asked
            if self._sender is None:
                self._sender = asyncio.create_task(self._send_all(), context=Context())
        try:
            await asyncio.shield(asked.done)
        except asyncio.CancelledError:
            if self._waiting.get(key) is asked:
                del self._waiting[key]
            elif not asked.done.done():
                await asyncio.wait({asked.done})
            raise

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # for those that the same turn of the loop has woken
                if chosen := self._next():
                    await asyncio.wait({self._carry(chosen)}, timeout=OVERTAKEN_AFTER)
        finally:
            self._sender = None
            for asked in self._waiting.values():  # cancelled: the loop is ending
                asked.done.cancel()

    def _next(self) -> list[_Asked[Item]]:
        chosen: list[_Asked[Item]] = []
        size = 0
        for key, asked in list(self._waiting.items())[:MOST]:
            size += asked.size
            if chosen and size > MOST_BYTES:
                break
            chosen.append(self._waiting.pop(key))
        return chosen

    def _carry(self, chosen: list[_Asked[Item]]) -> asyncio.Task[None]:
        # In a context of its own: the items of a call belong to different traces.
        call = asyncio.create_task(self._carry_and_settle(chosen), context=Context())
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call

    async def _carry_and_settle(self, chosen: list[_Asked[Item]]) -> None:
        try:
            answers = await self._answers([asked.item for asked in chosen])
        except BaseException:
            for asked in chosen:
                asked.done.cancel()
            raise
        for asked, answer in zip(chosen, answers, strict=True):
            if answer is None:
                asked.done.set_result(None)
            else:
                asked.done.set_exception(answer)
                asked.done.exception()  # whoever asked may have been cancelled

    async def _answers(self, items: Sequence[Item]) -> list[Exception | None]:
        """Of each item: None when it was done."""
        several = len(items) > 1
        try:
            await self._call(items)
            return [None] * len(items)
        except Unreachable as error:
            if several:
                self._alone_until = asyncio.get_running_loop().time() + ALONE_FOR
            return [error] * len(items)
        except Refused as error:
            if several:
                return await self._tell_apart(items, error)
            return [error]
        except Exception as error:  # noqa: BLE001  # whoever asked gets it
            if several and isinstance(error, AgentError):
                return await self._each_alone(items)
            return [error] * len(items)

    async def _tell_apart(self, items: Sequence[Item], refusal: Refused) -> list[Exception | None]:
        if self._there is None:
            return await self._each_alone(items)
        try:
            found = await self._there(items)
        except AgentError as error:
            return [error] * len(items)
        absent = [item for item, there in zip(items, found, strict=True) if there is None]
        alone = iter(await self._each_alone(absent))
        return [next(alone) if there is None else None if there else refusal for there in found]

    async def _each_alone(self, items: Sequence[Item]) -> list[Exception | None]:
        return [
            answer
            for answers in await asyncio.gather(*(self._answers([item]) for item in items))
            for answer in answers
        ]
