from __future__ import annotations

import asyncio
from collections.abc import Sequence

from domain.event import Event
from domain.ports.pubsub import Answer, Deliver

REDELIVERY = 0.05
"""Seconds until an unanswered or retried message comes again."""


class MemoryBroker:
    """A broker with a group for each subscriber: every group gets every message of its topics at least once."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []
        self._groups: list[MemorySubscription] = []

    async def publish(self, topic: str, event: Event) -> None:
        await asyncio.sleep(0)
        self.send(topic, event.to_json())

    def send(self, topic: str, message: bytes) -> None:
        """Any bytes, as a foreign publisher may."""
        self.published.append((topic, message))
        for group in self._groups:
            group.offer(topic, message)

    def subscription(self) -> MemorySubscription:
        """A new group, which gets what is published from now on."""
        group = MemorySubscription()
        self._groups.append(group)
        return group


class MemorySubscription:
    def __init__(self) -> None:
        self.connected = False
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._unanswered: list[tuple[str, bytes]] = []

    def idle(self, *, besides: str) -> bool:
        """Whether all that was offered is answered. Messages on the topic `besides` do not count."""
        return self._queue.empty() and all(topic == besides for topic, _ in self._unanswered)

    def offer(self, topic: str, message: bytes) -> None:
        self._queue.put_nowait((topic, message))

    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:
        deliveries: set[asyncio.Task[None]] = set()
        for unanswered in self._unanswered:
            self._queue.put_nowait(unanswered)
        self._unanswered.clear()
        self.connected = True

        async def settle(topic: str, message: bytes) -> None:
            while await deliver(topic, message) is Answer.RETRY:  # noqa: ASYNC110  # time passes, nothing is awaited
                await asyncio.sleep(REDELIVERY)
            self._unanswered.remove((topic, message))

        try:
            while True:
                topic, message = await self._queue.get()
                if topic in topics:
                    self._unanswered.append((topic, message))
                    delivery = asyncio.create_task(settle(topic, message))
                    deliveries.add(delivery)
                    delivery.add_done_callback(deliveries.discard)
        finally:
            self.connected = False
            for delivery in deliveries:
                delivery.cancel()
