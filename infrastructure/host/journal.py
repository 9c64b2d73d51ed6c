"""What this replica received and published lately, for people who watch. Kept in memory, lost with the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from pydantic_core import PydanticSerializationError, from_json

from domain.event import Event
from domain.json import JsonObject
from domain.ports.pubsub import Answer, Deliver, Publisher

KEPT = 200
QUEUED = 1_000
"""A watcher that reads too slowly misses entries rather than slowing the agent."""


class Journal:
    def __init__(self) -> None:
        self._entries: deque[JsonObject] = deque(maxlen=KEPT)
        self._watchers: set[asyncio.Queue[JsonObject]] = set()

    def note(self, direction: str, topic: str, event: Any) -> None:
        """`direction` is `received` or `published`."""
        entry = {"direction": direction, "topic": topic, "at": datetime.now(UTC).isoformat(), "event": event}
        self._entries.append(entry)
        for watcher in self._watchers:
            if not watcher.full():
                watcher.put_nowait(entry)

    async def watch(self) -> AsyncIterator[JsonObject]:
        """The kept entries, then new ones as they come."""
        queue: asyncio.Queue[JsonObject] = asyncio.Queue(QUEUED)
        kept = list(self._entries)
        self._watchers.add(queue)
        try:
            for entry in kept:
                yield entry
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)

    def noting(self, deliver: Deliver) -> Deliver:
        """The same `deliver`, noted."""

        async def noted(topic: str, message: bytes) -> Answer:
            self.note("received", topic, message)
            return await deliver(topic, message)

        return noted


class NotedPublisher:
    """A `Publisher` whose events are noted once the broker has them."""

    def __init__(self, publisher: Publisher, journal: Journal) -> None:
        self._publisher = publisher
        self._journal = journal

    async def publish(self, topic: str, event: Event) -> None:
        await self._publisher.publish(topic, event)
        self._journal.note("published", topic, event)


def readable(event: Event | bytes) -> Any:
    """A noted event as JSON; decoded only for those who watch, not on the way through."""
    if isinstance(event, Event):
        return event.model_dump(mode="json", exclude_none=True)
    try:
        return from_json(event)
    except (ValueError, PydanticSerializationError):
        return {"unreadable": event[:500].decode(errors="replace")}
