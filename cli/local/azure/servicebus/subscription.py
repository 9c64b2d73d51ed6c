"""A subscription: what waits in it, what is locked by whom, and what it gives up as a dead letter."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from cli.local.azure.amqp.links import Outgoing
from cli.local.azure.amqp.messages import Message, delivered
from cli.local.azure.amqp.values import long, timestamp, uuid
from cli.local.azure.servicebus.topology import SubscriptionSettings

DEAD_LETTERS = "/$DeadLetterQueue"
TOO_OFTEN = "MaxDeliveryCountExceeded"


@dataclass(order=True)
class Entry:
    """A message in one subscription; `delivery_count` are its deliveries that failed."""

    sequence: int
    message: Message = field(compare=False)
    enqueued: float = field(compare=False, default_factory=time.time)
    delivery_count: int = field(compare=False, default=0)
    reason: Mapping[str, str] | None = field(compare=False, default=None)

    @property
    def expired(self) -> bool:
        return self.message.ttl is not None and time.time() >= self.enqueued + self.message.ttl


@dataclass
class Lock:
    entry: Entry
    until: float
    timer: asyncio.TimerHandle


class Subscription:
    def __init__(self, path: str, settings: SubscriptionSettings, *, dead_letters: bool = True) -> None:
        """`path` is TOPIC/Subscriptions/NAME. Its dead letters are a queue of the same kind, without dead letters of its own."""
        self.path = path
        self.settings = settings
        self.links: list[Outgoing] = []
        self.counts: Counter[str] = Counter()
        """What has happened, for the tests: received, completed, abandoned, released, locks lost, dead letters, renewed."""
        self.most_deliveries = 0
        """Failed deliveries of the message that had most of them."""
        self.dead_letters = (
            Subscription(path + DEAD_LETTERS, settings, dead_letters=False) if dead_letters else None
        )
        self._ready: list[Entry] = []
        self._locks: dict[UUID, Lock] = {}
        self._sequence = 0

    @property
    def ready(self) -> list[Entry]:
        return sorted(self._ready)

    @property
    def locked(self) -> int:
        return len(self._locks)

    def put(self, message: Message, reason: Mapping[str, str] | None = None) -> None:
        self._sequence += 1
        self.counts["received"] += 1
        heapq.heappush(self._ready, Entry(self._sequence, message, reason=reason))
        self.hand_out()

    def hand_out(self) -> None:
        """To those who have given credit, one after the other; in order of arrival, those returned at their old place."""
        while self._ready and (link := self._next_link()):
            entry = heapq.heappop(self._ready)
            if entry.expired:
                self.counts["expired"] += 1
            else:
                self._deliver(link, entry)

    def completed(self, token: UUID) -> bool:
        """Each of these is False when the lock is not there any more."""
        return self._unlock(token, "completed") is not None

    def abandoned(self, token: UUID) -> bool:
        """It is offered again at once, and counts as delivered once more."""
        if (entry := self._unlock(token, "abandoned")) is None:
            return False
        self._failed(entry)
        return True

    def released(self, token: UUID) -> bool:
        """As if it had never been delivered."""
        if (entry := self._unlock(token, "released")) is None:
            return False
        self._again(entry)
        return True

    def rejected(self, token: UUID, reason: Mapping[str, str]) -> bool:
        if (entry := self._unlock(token, "rejected")) is None:
            return False
        self._give_up(entry, reason)
        return True

    def renewed(self, token: UUID) -> float | None:
        """Until when the lock holds now; None when it is not there any more."""
        if (lock := self._locks.get(token)) is None:
            return None
        self.counts["renewed"] += 1
        lock.timer.cancel()
        self._locks[token] = self._lock(token, lock.entry)
        return self._locks[token].until

    def lose_locks(self) -> int:
        """As when the service moves the subscription: whoever holds a message learns at settling that it is not his."""
        tokens = list(self._locks)
        for token in tokens:
            self._lost(token)
        return len(tokens)

    def _next_link(self) -> Outgoing | None:
        for at, link in enumerate(self.links):
            if link.sendable:
                self.links.append(self.links.pop(at))
                return link
        return None

    def _deliver(self, link: Outgoing, entry: Entry) -> None:
        token = uuid4()
        lock = self._lock(token, entry)
        sequence = long(entry.sequence)
        data = delivered(
            entry.message,
            delivery_count=entry.delivery_count,
            delivery_annotations=[("x-opt-lock-token", uuid(token))],
            annotations=[
                ("x-opt-sequence-number", sequence),
                ("x-opt-enqueue-sequence-number", sequence),
                ("x-opt-enqueued-time", timestamp(int(entry.enqueued * 1_000))),
                ("x-opt-locked-until", timestamp(int(lock.until * 1_000))),
            ],
            reason=entry.reason,
        )
        # As .NET writes a GUID: clients turn the tag into the lock's token by the same rule.
        link.send(data, token.bytes_le)
        if link.presettled:
            lock.timer.cancel()
            self.counts["completed"] += 1
        else:
            self._locks[token] = lock

    def _lock(self, token: UUID, entry: Entry) -> Lock:
        seconds = self.settings.lock_duration
        timer = asyncio.get_running_loop().call_later(seconds, self._lost, token)
        return Lock(entry, time.time() + seconds, timer)

    def _lost(self, token: UUID) -> None:
        if entry := self._unlock(token, "lock lost"):
            self._failed(entry)

    def _unlock(self, token: UUID, what: str) -> Entry | None:
        if (lock := self._locks.pop(token, None)) is None:
            return None
        lock.timer.cancel()
        self.counts[what] += 1
        return lock.entry

    def _failed(self, entry: Entry) -> None:
        entry.delivery_count += 1
        self.most_deliveries = max(self.most_deliveries, entry.delivery_count)
        if self.dead_letters is not None and entry.delivery_count >= self.settings.max_delivery_count:
            told = f"Message could not be consumed after {entry.delivery_count} delivery attempts."
            self._give_up(entry, {"DeadLetterReason": TOO_OFTEN, "DeadLetterErrorDescription": told})
        else:
            self._again(entry)

    def _again(self, entry: Entry) -> None:
        heapq.heappush(self._ready, entry)
        self.hand_out()

    def _give_up(self, entry: Entry, reason: Mapping[str, str]) -> None:
        if self.dead_letters is not None:
            self.counts["dead letters"] += 1
            self.dead_letters.put(entry.message, reason)
