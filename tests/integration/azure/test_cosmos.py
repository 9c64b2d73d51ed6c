"""How Cosmos DB differs from Redis, on its stand-in behind a real sidecar: the table of docs/azure.md, line by line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from cli.deployed import ENVIRONMENT
from cli.local.provision.run import Programs
from domain.errors import SidecarUnavailable, TooLarge
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from tests.support.azure import OnAzure, cosmos, sidecar

pytestmark = [pytest.mark.integration, pytest.mark.stores, pytest.mark.timeout(300)]

COMPONENT = "agents-statestore"


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[DaprStateStore]:
    connection = Sidecar(address)
    yield DaprStateStore(connection, COMPONENT)
    await connection.close()


@pytest.fixture
async def store(azure: OnAzure) -> AsyncIterator[DaprStateStore]:
    async with connected(azure.sidecar.address) as store:
        yield store


def key() -> str:
    return f"claim:{uuid4()}"


async def test_the_largest_document_that_the_runtime_writes_fits(store: DaprStateStore) -> None:
    """The sidecar writes bytes as base64, a third longer."""
    data = b'"' + b"x" * (int(ENVIRONMENT["AGENTS_MAX_DOCUMENT_BYTES"]) - 2) + b'"'
    name = key()
    assert await store.create(name, data, ttl=60)
    stored = await store.get(name)
    assert stored is not None
    assert stored.data == data


async def test_a_document_over_the_limit_is_refused_as_too_large(store: DaprStateStore) -> None:
    with pytest.raises(TooLarge, match="write claim:"):
        await store.create(key(), b"x" * 1_700_000, ttl=60)


@pytest.mark.parametrize("sign", ["/", "#", "?", "\\"])
async def test_a_key_that_cosmos_cannot_have_is_an_error_and_no_refusal(
    store: DaprStateStore, sign: str
) -> None:
    with pytest.raises(SidecarUnavailable, match="bad"):
        await store.create(f"bad{sign}key", b"1", ttl=60)


async def test_throttling_is_an_outage_and_passes(azure: OnAzure, store: DaprStateStore) -> None:
    azure.store.fault("/faults?status=429&seconds=2")
    name, failures = key(), 0
    async with asyncio.timeout(60):
        while True:
            try:
                assert await store.create(name, b"1", ttl=60)
                break
            except SidecarUnavailable as error:
                failures += 1
                assert "429" in error.message  # noqa: PT017  # each of them
    assert failures > 0
    assert azure.store.get("/counts")["answers"]["POST 429"] >= 4


async def test_a_swap_without_a_time_to_live_keeps_the_document_for_ever(store: DaprStateStore) -> None:
    """Redis keeps the old expiry: so every write says its own."""
    name = key()
    await store.create(name, b"1", ttl=1)
    stored = await store.get(name)
    assert stored is not None
    assert await store.swap(name, b"2", stored.etag, ttl=None)
    await asyncio.sleep(1.3)
    assert await store.get(name) is not None


async def test_a_container_with_another_partition_key_is_named_with_the_cure(
    programs: Programs, tmp_path: Path
) -> None:
    assert programs.daprd is not None
    account = {"databases": {"agents": {"state": {"partition_key": "/id/part", "default_ttl": -1}}}}
    with (
        cosmos(tmp_path, account) as wrong,
        sidecar(programs.daprd, tmp_path, 3900, wrong.port, app_id="tests") as running,
    ):
        async with connected(running.address) as store:
            with pytest.raises(SidecarUnavailable, match="partition key has to be /partitionKey"):
                await store.create(key(), b"1", ttl=60)


def said(program: Path, folder: Path, port: int) -> str:
    """By a sidecar that ends."""
    with contextlib.suppress(AssertionError), sidecar(program, folder, 3900, port, app_id="tests") as running:
        running.process.popen.wait(60)
    return (folder / "daprd-tests.log").read_text()


@pytest.mark.parametrize(
    "databases", [{"agents": {}}, {"other": {"state": {"partition_key": "/partitionKey"}}}]
)
def test_a_container_that_is_not_there_ends_the_sidecar_at_its_start(
    programs: Programs, tmp_path: Path, databases: dict[str, object]
) -> None:
    assert programs.daprd is not None
    with cosmos(tmp_path, {"databases": databases}) as wrong:
        told = said(programs.daprd, tmp_path, wrong.port)
    assert "level=fatal" in told
    assert "Resource Not Found: dbs/agents/colls/state" in told


def test_a_wrong_key_ends_the_sidecar_at_its_start(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert programs.daprd is not None
    shipped = tmp_path / "wrong"
    shipped.mkdir()
    for file in Path("components/azure-stand-ins").glob("*.yaml"):
        (shipped / file.name).write_text(file.read_text().replace("value: c3RhbmQt", "value: d4RhbmQt"))
    monkeypatch.setattr("tests.support.azure.COMPONENTS", shipped)
    with cosmos(tmp_path) as store:
        told = said(programs.daprd, tmp_path, store.port)
    assert "level=fatal" in told
    assert "the wrong key" in told
