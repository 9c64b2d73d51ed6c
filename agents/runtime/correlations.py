"""Finding the executions that brought a given correlation id in. Without a given one, the id is the root execution's own."""

from __future__ import annotations

import asyncio
import hashlib

from agents.runtime.documents import correlation_key
from agents.runtime.timing import SWAPS, swap_pause
from domain.errors import DocumentUnreadable, Unavailable
from domain.execution import DOCUMENT_VERSION
from domain.json import dump, parse
from domain.ports.state import StateStore, Stored

REMEMBERED = 100
"""How many root executions are kept for one correlation id; the newest stay."""


class Correlations:
    def __init__(self, store: StateStore, ttl: int) -> None:
        self._store = store
        self._ttl = ttl

    async def add(self, correlation_id: str, execution_id: str) -> None:
        """Idempotent."""
        key = _key(correlation_id)
        for _ in range(SWAPS):
            stored = await self._store.get(key)
            known = _executions(key, stored) if stored else []
            if execution_id in known:
                return
            data = dump({"v": DOCUMENT_VERSION, "executions": [*known, execution_id][-REMEMBERED:]})
            if stored is None:
                written = await self._store.create(key, data, ttl=self._ttl)
            else:
                written = await self._store.swap(key, data, stored.etag, ttl=self._ttl)
            if written:
                return
            await asyncio.sleep(swap_pause())
        raise Unavailable(f"the index of correlation id {correlation_id} is too busy", retry_after=1)

    async def roots(self, correlation_id: str) -> list[str]:
        key = _key(correlation_id)
        stored = await self._store.get(key)
        return _executions(key, stored) if stored else []


def _key(correlation_id: str) -> str:
    return correlation_key(hashlib.sha256(correlation_id.encode()).hexdigest())


def _executions(key: str, stored: Stored) -> list[str]:
    try:
        return [str(execution) for execution in parse(stored.data)["executions"]]
    except (ValueError, TypeError, KeyError):
        raise DocumentUnreadable(
            f"the document {key} in the state store is no index of executions", key=key
        ) from None
