"""`StateStore` on a Dapr state component."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from dapr.proto import api_v1, common_v1

from domain.errors import SidecarUnavailable
from domain.ports.state import Stored
from infrastructure.dapr.creating import Way, way_to_create
from infrastructure.dapr.gathering import Gathering
from infrastructure.dapr.sidecar import CALL_DEADLINE, Refused, Sidecar

_FIRST_WRITE = common_v1.StateOptions(
    concurrency=common_v1.StateOptions.CONCURRENCY_FIRST_WRITE,
    consistency=common_v1.StateOptions.CONSISTENCY_STRONG,
)


class DaprStateStore:
    def __init__(self, sidecar: Sidecar, component: str) -> None:
        self._sidecar = sidecar
        self._component = component
        self._creations = Gathering(self._save, there=self._there)
        self._way: Way | None = None
        """How a document is created once: of the component's type, which the sidecar tells when it is first needed."""

    async def get(self, key: str) -> Stored | None:
        request = api_v1.GetStateRequest(
            store_name=self._component, key=key, consistency=common_v1.StateOptions.CONSISTENCY_STRONG
        )
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        reply = await self._sidecar.call(
            f"read {key}", stub.GetState(request, metadata=metadata, timeout=CALL_DEADLINE)
        )
        return Stored(reply.data, reply.etag) if reply.data else None

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        if self._way is None:
            self._way = way_to_create(await self._sidecar.loaded(), self._component)
        item = _first_write(key, data, self._way.etag, ttl)
        return await _written(self._creations.send(key, item, len(data)))

    async def _there(self, items: Sequence[common_v1.StateItem]) -> list[bool | None]:
        """What is there as it was asked for was written, or is all the same."""
        request = api_v1.GetBulkStateRequest(
            store_name=self._component, keys=[item.key for item in items], parallelism=len(items)
        )
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        reply = await self._sidecar.call(
            f"read {len(items)} documents back",
            stub.GetBulkState(request, metadata=metadata, timeout=CALL_DEADLINE),
        )
        found = {one.key: one.data for one in reply.items}
        return [found[item.key] == item.value if found.get(item.key) else None for item in items]

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        return await _written(self._save([_first_write(key, data, etag, ttl)]))

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        metadata = _metadata(ttl)
        try:
            await self._save([common_v1.StateItem(key=k, value=data, metadata=metadata) for k, data in items])
        except Refused as error:
            raise SidecarUnavailable(f"write {len(items)} documents: refused: {error}") from None

    async def _save(self, states: Sequence[common_v1.StateItem]) -> None:
        request = api_v1.SaveStateRequest(store_name=self._component, states=states)
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        what = f"write {states[0].key}" if len(states) == 1 else f"write {len(states)} documents"
        save = stub.SaveState(request, metadata=metadata, timeout=CALL_DEADLINE)
        await self._sidecar.call(what, save, self._way.refusal if self._way else None)


async def _written(save: Awaitable[None]) -> bool:
    try:
        await save
    except Refused:
        return False
    return True


def _first_write(key: str, data: bytes, etag: str | None, ttl: int | None) -> common_v1.StateItem:
    return common_v1.StateItem(
        key=key,
        value=data,
        etag=None if etag is None else common_v1.Etag(value=etag),
        options=_FIRST_WRITE,
        metadata=_metadata(ttl),
    )


def _metadata(ttl: int | None) -> dict[str, str]:
    # As bytes: Cosmos DB re-encodes documents it takes for JSON, and rounds integers above 2^53.
    metadata = {"contentType": "application/octet-stream"}
    return metadata if ttl is None else metadata | {"ttlInSeconds": str(ttl)}
