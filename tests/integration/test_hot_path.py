"""What one event costs, counted by the sidecar and by Redis themselves: exact numbers, no timing."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest
from redis import asyncio as redis_client

from agents.runtime.claims import Owner
from agents.runtime.context import Ports
from agents.runtime.publication import MARK_DELAY
from agents.runtime.timing import Timing
from cli.local.provision.run import Programs
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from infrastructure.dapr.subscription import StreamingSubscription
from infrastructure.host.journal import Journal
from infrastructure.host.service import Service
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.prompts import MemoryPrompts
from infrastructure.memory.telemetry import MemoryTelemetry
from tests.support.processes import Daprd, Redis, daprd
from tests.unit.runtime.sample import Sample, Shouted, said

pytestmark = pytest.mark.integration

EVENTS = 40


@pytest.fixture
def metered(programs: Programs, redis: Redis, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A sidecar of its own, whose counters are all of this test's making."""
    assert programs.daprd is not None
    with daprd(programs.daprd, tmp_path, redis.port, app_id=f"hot-{uuid4().hex[:8]}") as running:
        yield running


def calls_of(sidecar: Daprd) -> dict[str, int]:
    """Completed calls of the sidecar's gRPC API, by method."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sidecar.metrics_port}/metrics", timeout=5) as page:
        text = page.read().decode()
    counts: dict[str, int] = {}
    for line in re.findall(r"^dapr_grpc_io_server_completed_rpcs\{.*", text, re.MULTILINE):
        found = re.search(r'grpc_server_method="[^"]*/(\w+)".* (\d+)', line)
        if found:
            counts[found[1]] = counts.get(found[1], 0) + int(found[2])
    return counts


@pytest.fixture
async def broker(redis: Redis) -> AsyncIterator[redis_client.Redis]:
    async with redis_client.Redis(port=redis.port) as client:
        yield client


@asynccontextmanager
async def serving(sidecar: Daprd) -> AsyncIterator[Sample]:
    """The sample agent on a real sidecar, receiving."""
    sample = Sample(changes=False)
    connection = Sidecar(sidecar.address)
    ports = Ports(
        store=DaprStateStore(connection, "agents-statestore"),
        publisher=DaprPublisher(connection, "agents-pubsub"),
        model=ScriptedModel(),
        prompts=MemoryPrompts(),
        telemetry=MemoryTelemetry(),
        effects={},
    )
    service = Service(sample.agent, ports, Timing(), Owner("hot"), Journal())
    subscription = StreamingSubscription(connection, "agents-pubsub")
    service.subscribe(subscription)
    async with asyncio.timeout(60):
        while not subscription.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
    yield sample
    await service.stop(grace=1)
    await connection.close()


class Cost:
    """What the calls and writes between two looks were; the beats of the pulse among them, which cost by time, not by event."""

    def __init__(self, sidecar: Daprd, broker: redis_client.Redis) -> None:
        self._sidecar = sidecar
        self._broker = broker

    async def look(self) -> dict[str, int]:
        commands: dict[str, dict[str, int]] = await self._broker.info("commandstats")
        pulses = [await self._broker.hgetall(key) for key in await self._broker.keys("*||pulse:*")]
        beats = sum(int(pulse[b"version"]) for pulse in pulses)
        return {
            **calls_of(self._sidecar),
            "beats": beats,
            **{name.removeprefix("cmdstat_"): figures["calls"] for name, figures in commands.items()},
        }


async def send(broker: redis_client.Redis, first: int, count: int) -> None:
    """Events into the topic's stream, past the sidecar that is counted, and wait until as many have come out."""
    out = await broker.xlen(Shouted.event_type)
    for number in range(first, first + count):
        event = said(f"word {number}", event_id=str(number), source="/tests/hot")
        await broker.xadd(event.type, {"data": event.to_json()})
    async with asyncio.timeout(60):
        while await broker.xlen(Shouted.event_type) < out + count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_an_event_alone_costs_three_sidecar_calls_and_a_share_of_a_batched_mark(
    metered: Daprd, broker: redis_client.Redis
) -> None:
    """Create the claim, create the outcome, publish. Marks are one call for all executions of 100 ms."""
    cost = Cost(metered, broker)
    async with serving(metered):
        before, began = await cost.look(), monotonic()
        for number in range(EVENTS):
            await send(broker, number, 1)
        took = monotonic() - began
        await asyncio.sleep(0.5)
        after = await cost.look()
    spent = {name: after[name] - before.get(name, 0) for name in after}
    assert spent["PublishEvent"] == EVENTS
    assert spent.get("BulkPublishEventAlpha1", 0) == 0
    marks = spent["SaveState"] - spent["beats"] - 2 * EVENTS
    assert 1 <= marks <= took / MARK_DELAY + 1
    assert spent.get("GetState", 0) == 0


async def test_an_event_costs_three_writes_and_its_publication_however_many_share_a_call(
    metered: Daprd, broker: redis_client.Redis
) -> None:
    """Claim, outcome, mark, each with the end of its time; nothing is read."""
    cost = Cost(metered, broker)
    async with serving(metered):
        before = await cost.look()
        await send(broker, 1000, EVENTS)
        await asyncio.sleep(0.5)
        after = await cost.look()
    spent = {name: after[name] - before.get(name, 0) for name in after}
    assert spent["eval"] + spent.get("evalsha", 0) == 3 * EVENTS + spent["beats"]
    assert spent["expire"] == 3 * EVENTS + spent["beats"]
    assert spent["xadd"] == 2 * EVENTS, "one by this test, one by the agent"
    assert spent["xack"] == EVENTS
    assert spent.get("GetState", 0) == 0
    calls = spent["SaveState"] + spent.get("PublishEvent", 0) + spent.get("BulkPublishEventAlpha1", 0)
    assert calls < EVENTS, "several share each"
