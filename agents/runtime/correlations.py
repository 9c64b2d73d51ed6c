"""Finding the executions that brought a given correlation id in. Without a given one, the id is the root execution's own."""

from __future__ import annotations

import hashlib
import logging

from domain.documents import Kept, read, update
from domain.errors import DocumentUnreadable
from domain.ports.state import StateStore

log = logging.getLogger(__name__)

REMEMBERED = 100
"""How many root executions are kept for one correlation id; the newest stay."""


class CorrelationIndex(Kept):
    executions: tuple[str, ...]


class Correlations:
    def __init__(self, store: StateStore, ttl: int) -> None:
        self._store = store
        self._ttl = ttl

    async def add(self, correlation_id: str, execution_id: str) -> None:
        """Idempotent. An index that cannot be read is told, and holds up no work."""

        def added(index: CorrelationIndex | None) -> CorrelationIndex | None:
            known = index.executions if index else ()
            if execution_id in known:
                return None
            return CorrelationIndex(executions=(*known, execution_id)[-REMEMBERED:])

        try:
            await update(self._store, CorrelationIndex, _key(correlation_id), added, ttl=self._ttl)
        except DocumentUnreadable as error:
            log.error("the correlation id of execution %s is not indexed: %s", execution_id, error)  # noqa: TRY400

    async def roots(self, correlation_id: str) -> list[str]:
        index = await read(self._store, CorrelationIndex, _key(correlation_id))
        return list(index.executions) if index else []


def _key(correlation_id: str) -> str:
    return f"correlation:{hashlib.sha256(correlation_id.encode()).hexdigest()}"
