"""Stores that may let two create one document: no work is done on them, and it is said why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.provision.run import Programs
from infrastructure.dapr.creating import CannotCreateOnce, unfit
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from tests.support.processes import Daprd, Redis, daprd

pytestmark = pytest.mark.integration


@pytest.fixture
def unfit_sidecar(programs: Programs, redis: Redis, tmp_path: Path) -> Iterator[Daprd]:
    """With the shipped components, but documents in a store of which nobody knows that it creates once."""
    assert programs.daprd is not None
    shipped = Path(__file__).parents[2] / "components" / "redis"
    components = tmp_path / "in-memory"
    components.mkdir()
    for file in shipped.glob("*.yaml"):
        text = file.read_text()
        if file.name == "statestore.yaml":
            text = text.replace("type: state.redis", "type: state.in-memory")
        (components / file.name).write_text(text)
    with daprd(programs.daprd, tmp_path, redis.port, components=components) as running:
        yield running


async def test_nothing_is_created_in_a_store_that_is_not_known_to_create_once(unfit_sidecar: Daprd) -> None:
    connection = Sidecar(unfit_sidecar.address)
    store = DaprStateStore(connection, "agents-statestore")
    try:
        with pytest.raises(CannotCreateOnce, match="two agents could do one piece of work"):
            await store.create("claim:1", b"1", ttl=60)
        assert await store.get("claim:1") is None
    finally:
        await connection.close()


async def test_readiness_names_the_store_and_what_to_choose(unfit_sidecar: Daprd) -> None:
    connection = Sidecar(unfit_sidecar.address)
    try:
        told = await unfit(connection, "tests", "agents-pubsub", "agents-statestore")
    finally:
        await connection.close()
    assert told is not None
    assert "agents-statestore is state.in-memory v1" in told
    assert "state.postgresql v2" in told
    assert "docs/azure.md" in told


async def test_shipped_stores_are_fit(sidecar: Daprd) -> None:
    connection = Sidecar(sidecar.address)
    try:
        assert await unfit(connection, "tests", "agents-pubsub", "agents-statestore") is None
    finally:
        await connection.close()
