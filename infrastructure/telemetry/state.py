"""`StateStore`, traced and measured: one client span for each call, named `<operation> <kind of document>`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from domain.ports.state import StateStore, Stored
from domain.ports.telemetry import Attributes, Telemetry
from infrastructure.telemetry.call import Call


class TracedStore:
    def __init__(self, store: StateStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    async def get(self, key: str) -> Stored | None:
        with self._call("get", key):
            return await self._store.get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        with self._call("create", key) as span:
            created = await self._store.create(key, data, ttl=ttl)
            span.set({"agents.state.written": created})
            return created

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        with self._call("swap", key) as span:
            swapped = await self._store.swap(key, data, etag, ttl=ttl)
            span.set({"agents.state.written": swapped})
            return swapped

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        with self._call("put", items[0][0] if items else ""):
            await self._store.put(items, ttl=ttl)

    def _call(self, operation: str, key: str) -> Call:
        name, labels, attributes = _described(operation, key.partition(":")[0])
        return Call(
            self._telemetry,
            name,
            kind="client",
            histogram="agents.sidecar.call.duration",
            labels=labels,
            attributes=attributes,
        )


@lru_cache(maxsize=256)
def _described(operation: str, kind: str) -> tuple[str, Attributes, Attributes]:
    """The span's name, the labels and the attributes: a handful, and every event needs four of them."""
    return (
        f"{operation} {kind}",
        {"operation": operation},
        {"db.system.name": "dapr", "db.operation.name": operation, "db.collection.name": kind},
    )
