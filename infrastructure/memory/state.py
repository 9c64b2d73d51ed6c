from __future__ import annotations

import asyncio
from collections.abc import Sequence

from domain.ports.state import Stored


class MemoryStateStore:
    """`StateStore` in a dict, as unkind as Redis behind a sidecar: a swap creates what is absent, a create writes over what
    was put. ETags are a counter, time is the loop's. Counts its calls by operation.
    """

    def __init__(self) -> None:
        self.calls: dict[str, int] = {"get": 0, "create": 0, "swap": 0, "put": 0}
        self._plain: set[str] = set()
        self._documents: dict[str, tuple[bytes, int, float | None]] = {}

    async def get(self, key: str) -> Stored | None:
        await self._call("get")
        found = self._find(key)
        return Stored(found[0], str(found[1])) if found else None

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        await self._call("create")
        if self._find(key) and key not in self._plain:
            return False
        self._plain.discard(key)
        self._write(key, data, 1, ttl)
        return True

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        await self._call("swap")
        found = self._find(key)
        if found is not None and str(found[1]) != etag:
            return False
        self._write(key, data, found[1] + 1 if found else 1, ttl)
        return True

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        await self._call("put")
        for key, data in items:
            found = self._find(key)
            self._plain.add(key)
            self._write(key, data, found[1] + 1 if found else 1, ttl)

    async def _call(self, operation: str) -> None:
        self.calls[operation] += 1
        await asyncio.sleep(0)  # a real store gives others a turn, too

    def _find(self, key: str) -> tuple[bytes, int, float | None] | None:
        found = self._documents.get(key)
        if found and found[2] is not None and found[2] <= asyncio.get_running_loop().time():
            del self._documents[key]
            return None
        return found

    def _write(self, key: str, data: bytes, version: int, ttl: int | None) -> None:
        expires = None if ttl is None else asyncio.get_running_loop().time() + ttl
        self._documents[key] = (data, version, expires)
