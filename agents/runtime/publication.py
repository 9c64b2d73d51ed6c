"""Making events public: publish them under their recorded ids, then remember that they are out."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import Context
from datetime import UTC, datetime

from agents.runtime.documents import published_key
from agents.runtime.timing import backoff
from domain.documents import decode, encode
from domain.errors import AgentError, TooLarge
from domain.execution import Execution, Published
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore

log = logging.getLogger(__name__)

MARK_DELAY = 0.1
"""Seconds over which marks are gathered into one sidecar call."""
REMEMBERED = 10_000


class Publication:
    """Losing a mark costs one repeated publication with the same event ids, never more: so marks are written in batches, after the fact."""

    def __init__(self, store: StateStore, publisher: Publisher, ttl: int) -> None:
        self._store = store
        self._publisher = publisher
        self._ttl = ttl
        self._sent: OrderedDict[str, bool] = OrderedDict()
        """Event id → whether the broker took it."""
        self._lately: OrderedDict[str, bool] = OrderedDict()
        self._unmarked: dict[str, Published] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def is_out(self, execution_id: str) -> bool:
        return execution_id in self._lately or await self._store.get(published_key(execution_id)) is not None

    async def mark_of(self, execution_id: str) -> Published | None:
        """When the events of an execution went out, as far as it is known."""
        stored = await self._store.get(published_key(execution_id))
        if stored is None or stored.data == b"1":  # as the version before wrote it
            return Published() if stored else None
        return decode(Published, published_key(execution_id), stored)

    async def publish(self, execution: Execution, unapplied: Sequence[str] = ()) -> None:
        """Publish every event of the outcome, or raise `Unavailable` to be tried again. The mark tells what is `unapplied`."""
        for event in execution.events:
            if event.id in self._sent:
                continue
            taken = True
            try:
                await self._publisher.publish(event.type, event)
            except TooLarge as error:
                # Sizes are checked before an outcome is recorded, so this broker takes less than it was said to.
                # Trying again for ever would help nobody: the mark tells, and the event stays readable in the record.
                log.error("event %s of execution %s is undeliverable: %s", event.id, execution.id, error)  # noqa: TRY400
                taken = False
            _remember(self._sent, event.id, taken)
        refused = tuple(event.id for event in execution.events if not self._sent.get(event.id, True))
        at = datetime.now(UTC).isoformat()
        self._mark_soon(execution.id, Published(at=at, undeliverable=refused, unapplied=tuple(unapplied)))

    async def flush(self) -> bool:
        """Write the marks gathered so far, in one call, after those that are being written. False: they are to be tried again."""
        async with self._writing:
            marks, self._unmarked = self._unmarked, {}
            if not marks:
                return True
            try:
                await self._store.put(
                    [(published_key(i), encode(mark)) for i, mark in marks.items()], ttl=self._ttl
                )
            except AgentError as error:
                log.warning("%d publication marks not written: %s", len(marks), error)
                # Also since a write that failed half may stand without the end of its time.
                self._unmarked = dict(list((marks | self._unmarked).items())[-REMEMBERED:])
                return False
            return True

    def _mark_soon(self, execution_id: str, mark: Published) -> None:
        _remember(self._lately, execution_id, True)  # noqa: FBT003
        self._unmarked[execution_id] = mark
        if self._flushing is None or self._flushing.done():
            # In a context of its own: the marks of a hundred executions belong to none of their traces.
            self._flushing = asyncio.create_task(self._flush_soon(), context=Context())

    async def _flush_soon(self) -> None:
        failures = 0
        while self._unmarked:
            await asyncio.sleep(backoff(failures - 1) if failures else MARK_DELAY)
            failures = 0 if await self.flush() else failures + 1


def _remember(known: OrderedDict[str, bool], identity: str, taken: bool) -> None:  # noqa: FBT001
    known[identity] = taken
    if len(known) > REMEMBERED:
        known.popitem(last=False)
