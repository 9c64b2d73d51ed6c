"""Group commit: what is asked for while a call is on its way goes out together, in the next call.

One that is alone goes at once. Where more than one waits there is load, and more are about to come: then a call waits for
them a moment. It carries ten or more, which halves what an event costs the app and its sidecar (docs/adr/0011-group-commit.md).
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

MOST, MOST_BYTES = 64, 256 * 1024
"""Items and bytes of one call: as many as a sidecar delivers at once, and not so much that small ones wait for large ones."""

LINGER = 0.002
"""Seconds. Longer saves more CPU, and holds up work that waits for a slow model anyway."""


@dataclass(eq=False, slots=True)
class _Asked(Generic[Item]):
    item: Item
    size: int
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering(Generic[Item]):
    """`call` takes one item or several, and raises when any of them failed; then each is done again alone, for its own answer."""

    def __init__(self, call: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._call = call
        self._waiting: dict[str, _Asked[Item]] = {}
        self._sender: asyncio.Task[None] | None = None

    async def send(self, key: str, item: Item, size: int) -> None:
        """Return once a call that carried `item` was answered, or raise what `call` raised for it.

        Whoever is cancelled meanwhile stays until the answer: the item must not arrive after what comes next.
        """
        if key in self._waiting:  # two of one key in one call would answer for each other
            await self._call([item])
            return
        asked = self._waiting[key] = _Asked(item, size)
        if self._sender is None:
            # In a context of its own: the items of a call belong to different traces.
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
                if 1 < len(self._waiting) < MOST:
                    await asyncio.sleep(LINGER)
                await self._send_together(self._next())
        finally:
            self._sender = None

    def _next(self) -> list[_Asked[Item]]:
        chosen: list[_Asked[Item]] = []
        size = 0
        for key, asked in list(self._waiting.items())[:MOST]:
            size += asked.size
            if chosen and size > MOST_BYTES:
                break
            chosen.append(self._waiting.pop(key))
        return chosen

    async def _send_together(self, chosen: list[_Asked[Item]]) -> None:
        if not chosen:  # all were cancelled
            return
        try:
            await self._call([asked.item for asked in chosen])
        except Exception as error:  # noqa: BLE001  # whoever asked gets it
            # Of a sidecar that does not answer, each would wait alone as long again for the same.
            refused = isinstance(error, (Refused, AgentError)) and not isinstance(error, Unreachable)
            if refused and len(chosen) > 1:
                await asyncio.gather(*(self._send_together([asked]) for asked in chosen))
                return
            for asked in chosen:
                _settle(asked.done, error)
        else:
            for asked in chosen:
                _settle(asked.done, None)


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
        done.exception()  # whoever asked may have been cancelled
