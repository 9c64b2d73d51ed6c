"""Making an outcome visible: publish its events under their recorded ids, then remember that they are out."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextvars import Context

from agents.runtime.documents import published_key
from domain.errors import AgentError, TooLarge
from domain.execution import Execution
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
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._lately: OrderedDict[str, None] = OrderedDict()
        self._unmarked: list[str] = []
        self._flushing: asyncio.Task[None] | None = None

    async def is_out(self, execution_id: str) -> bool:
        return execution_id in self._lately or await self._store.get(published_key(execution_id)) is not None

    async def publish(self, execution: Execution) -> None:
        """Publish every event of the outcome, or raise `Unavailable` to be tried again."""
        for event in execution.events:
            if event.id in self._sent:
                continue
            try:
                await self._publisher.publish(event.type, event)
            except TooLarge as error:
                # Sizes are checked before an outcome is recorded, so this broker takes less than it was said to.
                # Trying again for ever would help nobody: the event stays readable in the record.
                log.error("event %s of execution %s is undeliverable: %s", event.id, execution.id, error)  # noqa: TRY400
            _remember(self._sent, event.id)
        self._mark_soon(execution.id)

    async def flush(self) -> None:
        """Write the marks gathered so far, in one call."""
        ids, self._unmarked = self._unmarked, []
        if not ids:
            return
        try:
            await self._store.put([(published_key(i), b"1") for i in ids], ttl=self._ttl)
        except AgentError as error:
            log.warning("%d publication marks not written: %s", len(ids), error)

    def _mark_soon(self, execution_id: str) -> None:
        _remember(self._lately, execution_id)
        self._unmarked.append(execution_id)
        if self._flushing is None or self._flushing.done():
            # In a context of its own: the marks of a hundred executions belong to none of their traces.
            self._flushing = asyncio.create_task(self._flush_soon(), context=Context())

    async def _flush_soon(self) -> None:
        while self._unmarked:
            await asyncio.sleep(MARK_DELAY)
            await self.flush()


def _remember(known: OrderedDict[str, None], identity: str) -> None:
    known[identity] = None
    if len(known) > REMEMBERED:
        known.popitem(last=False)
