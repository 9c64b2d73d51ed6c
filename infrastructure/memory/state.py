from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from domain.ports.state import Stored


class Documents:
    """The documents of a store and what each operation does to them, as unkind as Redis behind a sidecar: a swap creates
    what is absent, a create writes over what was put. ETags are a counter; `now` is asked for the time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._plain: set[str] = set()
        self._documents: dict[str, tuple[bytes, int, float | None]] = {}

    def get(self, key: str) -> Stored | None:
        found = self._find(key)
        return Stored(found[0], str(found[1])) if found else None

    def create(self, key: str, data: bytes, ttl: int | None) -> bool:
        if self._find(key) and key not in self._plain:
            return False
        self._plain.discard(key)
        self._write(key, data, 1, ttl)
        return True

    def swap(self, key: str, data: bytes, etag: str, ttl: int | None) -> bool:
        found = self._find(key)
        if found is not None and str(found[1]) != etag:
            return False
        self._write(key, data, found[1] + 1 if found else 1, ttl)
        return True

    def put(self, key: str, data: bytes, ttl: int | None) -> None:
        found = self._find(key)
        self._plain.add(key)
        self._write(key, data, found[1] + 1 if found else 1, ttl)

    def __delitem__(self, key: str) -> None:
        del self._documents[key]

    def __iter__(self) -> Iterator[str]:
        """The keys of every document that has not expired."""
        return iter([key for key in list(self._documents) if self._find(key)])

    def expiry(self, key: str) -> float | None:
        """When a document expires; None for one that stays for ever."""
        return self._documents[key][2]

    def _find(self, key: str) -> tuple[bytes, int, float | None] | None:
        found = self._documents.get(key)
        if found and found[2] is not None and found[2] <= self._now():
            del self._documents[key]
            return None
        return found

    def _write(self, key: str, data: bytes, version: int, ttl: int | None) -> None:
        self._documents[key] = (data, version, None if ttl is None else self._now() + ttl)


class MemoryStateStore:
    """`StateStore` in `Documents`, whose time is the loop's. Counts its calls by operation."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {"get": 0, "create": 0, "swap": 0, "put": 0}
        self._documents = Documents(lambda: asyncio.get_running_loop().time())

    async def get(self, key: str) -> Stored | None:
        await self._call("get")
        return self._documents.get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        await self._call("create")
        return self._documents.create(key, data, ttl)

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        await self._call("swap")
        return self._documents.swap(key, data, etag, ttl)

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        await self._call("put")
        for key, data in items:
            self._documents.put(key, data, ttl)

    async def _call(self, operation: str) -> None:
        self.calls[operation] += 1
        await asyncio.sleep(0)  # a real store gives others a turn, too
