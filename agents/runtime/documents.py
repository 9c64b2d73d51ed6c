"""The documents of the runtime: their keys, and how those are written that are created once."""

from __future__ import annotations

from domain.documents import Document, decode, read
from domain.errors import Unavailable
from domain.execution import Execution
from domain.ports.state import StateStore, Stored


def claim_key(execution_id: str) -> str:
    return f"claim:{execution_id}"


def execution_key(execution_id: str) -> str:
    return f"execution:{execution_id}"


def published_key(execution_id: str) -> str:
    return f"published:{execution_id}"


def pulse_key(owner: str) -> str:
    return f"pulse:{owner}"


async def read_execution(store: StateStore, execution_id: str) -> Execution | None:
    return await read(store, Execution, execution_key(execution_id))


async def create(
    store: StateStore, kind: type[Document], key: str, data: bytes, *, ttl: int | None
) -> Document | None:
    """Create once. None when that was done, if only by an earlier try of one's own; else what is there.

    Raises:
        Unavailable: the store refuses, and holds nothing.

    """
    if await store.create(key, data, ttl=ttl):
        return None
    there = await store.get(key)
    if there is None:
        raise refused(key)
    if there.data != data:
        return decode(kind, key, there)
    await renew_end(store, key, there, ttl=ttl)
    return None


async def renew_end(store: StateStore, key: str, mine: Stored, *, ttl: int | None) -> None:
    """After a write of one's own whose answer never came. Dapr's Redis writes first and sets the end of the time then, so that a
    write that was interrupted would stay for ever.

    Raises:
        Unavailable: it was not done.

    """
    if not await store.swap(key, mine.data, mine.etag, ttl=ttl):
        raise refused(key)


def refused(key: str) -> Unavailable:
    """Redis calls any failed write a refusal, though nobody was first."""
    return Unavailable(f"the store refuses {key}, yet nobody else has written it: is it full?")
