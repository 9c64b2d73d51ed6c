"""A broker or a store that is not as the agents need it: what is said of it, and where, before work is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cli.local.last_words import complaint
from cli.local.provision.run import Programs
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from infrastructure.dapr.subscription import StreamingSubscription
from infrastructure.host.checks import Proven, write_proof
from tests.support.azure import cosmos, on_azure, sidecar
from tests.support.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.stores, pytest.mark.timeout(120)]

TOPIC, APP, PUBSUB, STATE = "agents.tests.thing.happened", "tests", "agents-pubsub", "agents-statestore"


@pytest.mark.parametrize("topics", [{TOPIC: []}, {}], ids=["no subscription", "no topic"])
async def test_a_topic_that_cannot_be_received_is_heard_from_the_sidecar(
    programs: Programs, tmp_path: Path, topics: dict[str, list[str]]
) -> None:
    assert programs.daprd is not None
    with on_azure(programs.daprd, tmp_path, topics, app_id=APP) as azure:
        connection = Sidecar(azure.sidecar.address)
        receiving = asyncio.create_task(StreamingSubscription(connection, PUBSUB).run([TOPIC], _never))
        log = azure.sidecar.process.log

        def heard() -> list[tuple[str, str]]:
            return [found for line in log.read_text().splitlines() if (found := complaint(line))]

        await until(heard, 90)
        receiving.cancel()
        await asyncio.wait([receiving])
        await connection.close()
    topic, told = heard()[0]
    assert topic == TOPIC
    assert f"{TOPIC}/Subscriptions/{APP}" in told
    assert "topics.bicep" in told


@pytest.mark.parametrize(
    ("partition_key", "says"),
    [
        ("/id/part", "the container's partition key has to be /partitionKey: make it anew"),
        ("/partitionKey", None),
    ],
)
async def test_a_container_with_another_partition_key_keeps_an_agent_from_being_ready(
    programs: Programs, tmp_path: Path, partition_key: str, says: str | None
) -> None:
    assert programs.daprd is not None
    account = {"databases": {"agents": {"state": {"partition_key": partition_key, "default_ttl": -1}}}}
    with (
        cosmos(tmp_path, account) as wrong,
        sidecar(programs.daprd, tmp_path, 3900, wrong.port, app_id=APP) as running,
    ):
        connection = Sidecar(running.address)
        proven = Proven(lambda: write_proof(DaprStateStore(connection, STATE), APP))
        found = await proven()
        while found == "not asked yet":
            await asyncio.sleep(0.05)
            found = await proven()
        await connection.close()
    assert (says is None and found is None) or (says is not None and says in str(found)), found


async def _never(topic: str, message: bytes) -> Any:
    raise AssertionError(json.dumps([topic, message.decode()]))
