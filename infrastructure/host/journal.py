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
KEPT_BYTES = 8 * 2**20
"""Of received messages: foreign ones may be large. What is published has limits of its own."""
QUEUED = 200
"""A watcher that reads too slowly misses entries rather than slowing the agent."""


class Journal:
    def __init__(self) -> None:
        self._entries: deque[JsonObject] = deque()
        self._bytes = 0
        self._watchers: set[asyncio.Queue[JsonObject | None]] = set()
        self._closed = False

    def note(self, direction: str, topic: str, event: Any) -> None:
        """`direction` is `received` or `published`."""
        entry = {"direction": direction, "topic": topic, "at": datetime.now(UTC).isoformat(), "event": event}
        self._entries.append(entry)
        self._bytes += _size(event)
        while len(self._entries) > KEPT or self._bytes > KEPT_BYTES:
            self._bytes -= _size(self._entries.popleft()["event"])
        for watcher in self._watchers:
            if watcher.qsize() < QUEUED:
                watcher.put_nowait(entry)

    async def watch(self) -> AsyncIterator[JsonObject]:
        """The kept entries, then new ones as they come, until the journal is closed."""
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        kept = list(self._entries)
        self._watchers.add(queue)
        try:
            for entry in kept:
                yield entry
            while not self._closed and (following := await queue.get()) is not None:
                yield following
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """Let the watchers go: a server that stops would wait for them."""
        self._closed = True
        for watcher in self._watchers:
            watcher.put_nowait(None)

    def noting(self, deliver: Deliver) -> Deliver:
        """The same `deliver`, noted."""

        async def noted(topic: str, message: bytes) -> Answer:
            self.note("received", topic, message)
            return await deliver(topic, message)

        return noted


def _size(event: Any) -> int:
    return len(event) if isinstance(event, bytes) else 0


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
