"""Finding the executions that brought a given correlation id in. Without a given one, the id is the root execution's own."""

from __future__ import annotations

import hashlib

from agents.runtime.documents import correlation_key
from domain.errors import Unavailable
from domain.execution import DOCUMENT_VERSION
from domain.json import dump, parse
from domain.ports.state import StateStore

REMEMBERED = 100
"""How many root executions are kept for one correlation id; the newest stay."""


class Correlations:
    def __init__(self, store: StateStore, ttl: int) -> None:
        self._store = store
        self._ttl = ttl

    async def add(self, correlation_id: str, execution_id: str) -> None:
        """Idempotent."""
        key = _key(correlation_id)
        for _ in range(10):
            stored = await self._store.get(key)
            known: list[str] = parse(stored.data)["executions"] if stored else []
            if execution_id in known:
                return
            data = dump({"v": DOCUMENT_VERSION, "executions": [*known, execution_id][-REMEMBERED:]})
            if stored is None:
                written = await self._store.create(key, data, ttl=self._ttl)
            else:
                written = await self._store.swap(key, data, stored.etag, ttl=self._ttl)
            if written:
                return
        raise Unavailable(f"the index of correlation id {correlation_id} is too busy", retry_after=1)

    async def roots(self, correlation_id: str) -> list[str]:
        stored = await self._store.get(_key(correlation_id))
        return list(parse(stored.data)["executions"]) if stored else []


def _key(correlation_id: str) -> str:
    return correlation_key(hashlib.sha256(correlation_id.encode()).hexdigest())
