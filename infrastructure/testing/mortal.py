"""A replica that can die: what it does after its death reaches nobody, as of a process that was killed.

Death comes at a point of the life of an execution, seen from outside the runtime, at the calls it makes:

    claim        the work is claimed, the handler has not begun
    handler      the handler has returned, and with it every outside effect was made; nothing is recorded
    outcome      the outcome is recorded, nothing of it is published
    publication  its first event is published, the others and the mark are not
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

from agents.runtime.documents import claim_key, execution_key
from domain.event import Event
from domain.ports.pubsub import Answer, Deliver, Publisher, Subscription
from domain.ports.state import StateStore, Stored

Point: TypeAlias = Literal["claim", "handler", "outcome", "publication"]
POINTS: tuple[Point, ...] = get_args(Point)


class Life:
    """Of one replica. `doomed` is asked at every point whether it is the last; `on_death` is called once."""

    def __init__(self, doomed: Callable[[Point], bool], on_death: Callable[[], None]) -> None:
        self.over = asyncio.Event()
        self._doomed = doomed
        self._on_death = on_death

    def reached(self, point: Point) -> None:
        self.go_on()
        if self._doomed(point):
            self.over.set()
            self._on_death()
            self.go_on()

    def go_on(self) -> None:
        """Of a dead process nothing goes on: each of its tasks ends where it would next touch the world."""
        if self.over.is_set():
            raise asyncio.CancelledError


class MortalStore:
    def __init__(self, store: StateStore, life: Life) -> None:
        self._store = store
        self._life = life

    async def get(self, key: str) -> Stored | None:
        self._life.go_on()
        return await self._store.get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        recorded = key.startswith(execution_key(""))
        self._life.go_on()
        if recorded:
            self._life.reached("handler")
        done = await self._store.create(key, data, ttl=ttl)
        if recorded:
            self._life.reached("outcome")
        elif key.startswith(claim_key("")):
            self._life.reached("claim")
        return done

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        self._life.go_on()
        return await self._store.swap(key, data, etag, ttl=ttl)

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        self._life.go_on()
        await self._store.put(items, ttl=ttl)


class MortalPublisher:
    def __init__(self, publisher: Publisher, life: Life, commands: str) -> None:
        self._publisher = publisher
        self._life = life
        self._commands = commands

    async def publish(self, topic: str, event: Event) -> None:
        self._life.go_on()
        await self._publisher.publish(topic, event)
        if topic != self._commands:
            self._life.reached("publication")


class MortalSubscription:
    """Of a dead replica the broker takes back what it had not answered."""

    def __init__(self, subscription: Subscription, life: Life) -> None:
        self._subscription = subscription
        self._life = life

    @property
    def connected(self) -> bool:
        return self._subscription.connected

    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:
        async def answered(topic: str, message: bytes) -> Answer:
            self._life.go_on()
            return await deliver(topic, message)

        receiving = asyncio.create_task(self._subscription.run(topics, answered))
        death = asyncio.create_task(self._life.over.wait())
        try:
            await asyncio.wait({receiving, death}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (receiving, death):
                task.cancel()
            await asyncio.gather(receiving, death, return_exceptions=True)
        self._life.go_on()
