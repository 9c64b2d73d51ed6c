"""What `StateStore` promises, held against the twin, and against Redis, Cosmos DB and PostgreSQL behind a real sidecar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from domain.ports.state import StateStore
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from infrastructure.memory.state import MemoryStateStore


@pytest.fixture(
    params=[
        "memory",
        pytest.param("dapr-redis", marks=pytest.mark.integration),
        pytest.param("dapr-cosmos", marks=[pytest.mark.integration, pytest.mark.stores]),
        pytest.param("dapr-postgres", marks=[pytest.mark.integration, pytest.mark.stores]),
    ]
)
def address(request: pytest.FixtureRequest) -> str | None:
    """Of the sidecar; None for the twin."""
    if request.param == "memory":
        return None
    if request.param == "dapr-cosmos":
        return str(request.getfixturevalue("azure").sidecar.address)
    if request.param == "dapr-postgres":
        return str(request.getfixturevalue("postgres_sidecar").address)
    return str(request.getfixturevalue("sidecar").address)


@pytest.fixture
async def store(address: str | None) -> AsyncIterator[StateStore]:
    if address is None:
        yield MemoryStateStore()
        return
    connection = Sidecar(address)
    yield DaprStateStore(connection, "agents-statestore")
    await connection.close()


@pytest.fixture
def key() -> str:
    return f"claim:{uuid4()}"


async def test_an_absent_key_reads_as_none(store: StateStore, key: str) -> None:
    assert await store.get(key) is None


async def test_what_was_created_reads_back_byte_for_byte(store: StateStore, key: str) -> None:
    data = '{"big":9007199254740993,"text":"Grüße, 日本"}'.encode()
    assert await store.create(key, data, ttl=60)
    stored = await store.get(key)
    assert stored is not None
    assert stored.data == data


async def test_a_second_create_is_refused_and_changes_nothing(store: StateStore, key: str) -> None:
    await store.create(key, b'"first"', ttl=60)
    assert not await store.create(key, b'"second"', ttl=60)
    stored = await store.get(key)
    assert stored is not None
    assert stored.data == b'"first"'


async def test_one_of_fifty_parallel_creates_wins(store: StateStore, key: str) -> None:
    created = await asyncio.gather(*(store.create(key, b"%d" % i, ttl=60) for i in range(50)))
    assert created.count(True) == 1
    stored = await store.get(key)
    assert stored is not None
    assert stored.data == b"%d" % created.index(True)


async def test_a_create_that_is_refused_says_nothing_of_those_beside_it(store: StateStore, key: str) -> None:
    await store.create(f"{key}-7", b"theirs", ttl=60)
    keys = [f"{key}-{number}" for number in range(16)]
    created = await asyncio.gather(*(store.create(each, b"mine", ttl=60) for each in keys))
    assert created == [number != 7 for number in range(16)]
    there = [await store.get(each) for each in keys]
    assert [stored.data for stored in there if stored] == [
        b"theirs" if n == 7 else b"mine" for n in range(16)
    ]


async def test_a_swap_with_the_etag_that_was_read_writes(store: StateStore, key: str) -> None:
    await store.create(key, b"1", ttl=60)
    stored = await store.get(key)
    assert stored is not None
    assert await store.swap(key, b"2", stored.etag, ttl=60)
    after = await store.get(key)
    assert after is not None
    assert after.data == b"2"
    assert after.etag != stored.etag


async def test_a_swap_with_an_old_etag_is_refused(store: StateStore, key: str) -> None:
    await store.create(key, b"1", ttl=60)
    stored = await store.get(key)
    assert stored is not None
    await store.swap(key, b"2", stored.etag, ttl=60)
    assert not await store.swap(key, b"3", stored.etag, ttl=60)
    after = await store.get(key)
    assert after is not None
    assert after.data == b"2"


async def test_one_of_fifty_parallel_swaps_wins(store: StateStore, key: str) -> None:
    await store.create(key, b"0", ttl=60)
    stored = await store.get(key)
    assert stored is not None
    swapped = await asyncio.gather(*(store.swap(key, b"%d" % i, stored.etag, ttl=60) for i in range(50)))
    assert swapped.count(True) == 1


async def test_marks_written_plainly_may_be_written_again(store: StateStore, key: str) -> None:
    await store.put([(key, b"1"), (f"{key}-2", b"1")], ttl=60)
    await store.put([(key, b"2")], ttl=60)
    first, second = await store.get(key), await store.get(f"{key}-2")
    assert first is not None
    assert first.data == b"2"
    assert second is not None


async def test_an_etag_moves_with_every_write_also_of_the_same_content(store: StateStore, key: str) -> None:
    """A pulse says the same again and again, and a claim is moved by writing it once more."""
    etags = []
    for _ in range(3):
        await store.put([(f"{key}-plain", b"1")], ttl=60)
        stored = await store.get(f"{key}-plain")
        assert stored is not None
        etags.append(stored.etag)
    await store.create(key, b"1", ttl=60)
    stored = await store.get(key)
    assert stored is not None
    assert await store.swap(key, b"1", stored.etag, ttl=60)
    assert not await store.swap(key, b"1", stored.etag, ttl=60)
    assert len(set(etags)) == 3


async def test_a_document_goes_when_its_time_is_up(store: StateStore, key: str) -> None:
    await store.create(key, b"1", ttl=1)
    assert await store.get(key) is not None
    await asyncio.sleep(1.2)
    assert await store.get(key) is None
    assert await store.create(key, b"2", ttl=60)


async def test_a_swap_of_an_absent_key_says_truly_whether_it_wrote(store: StateStore, key: str) -> None:
    """Redis and Cosmos DB write, PostgreSQL refuses: so what is swapped must be known to be there."""
    swapped = await store.swap(key, b"1", "1", ttl=60)
    assert (await store.get(key) is not None) is swapped


async def test_a_create_over_what_was_put_plainly_says_truly_whether_it_wrote(
    store: StateStore, key: str
) -> None:
    """Redis writes, Cosmos DB and PostgreSQL refuse: so keys that are created are never put."""
    await store.put([(key, b"1")], ttl=60)
    created = await store.create(key, b"2", ttl=60)
    stored = await store.get(key)
    assert stored is not None
    assert stored.data == (b"2" if created else b"1")
