"""What one event costs, counted by the sidecar itself."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from agents.runtime.claims import Owner
from agents.runtime.context import Ports
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
from tests.unit.runtime.sample import Sample, said

pytestmark = pytest.mark.integration

EVENTS = 40


@pytest.fixture
def metered(programs: Programs, redis: Redis, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A sidecar of its own, whose counters are all of this test's making."""
    assert programs.daprd is not None
    with daprd(programs.daprd, tmp_path, redis.port, app_id=f"hot-{uuid4().hex[:8]}") as running:
        yield running


def calls(sidecar: Daprd) -> dict[str, int]:
    """Completed calls of the sidecar's gRPC API, by method."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sidecar.metrics_port}/metrics", timeout=5) as page:
        text = page.read().decode()
    counts: dict[str, int] = {}
    for line in re.findall(r"^dapr_grpc_io_server_completed_rpcs\{.*", text, re.MULTILINE):
        found = re.search(r'grpc_server_method="[^"]*/(\w+)".* (\d+)', line)
        if found:
            counts[found[1]] = counts.get(found[1], 0) + int(found[2])
    return counts


async def test_an_event_costs_three_sidecar_calls_and_a_share_of_a_batched_mark(metered: Daprd) -> None:
    """Create the claim, create the outcome, publish. Marks are one call for all executions of 100 ms."""
    sample = Sample(changes=False)
    sidecar = Sidecar(metered.address)
    publisher = DaprPublisher(sidecar, "agents-pubsub")
    ports = Ports(
        store=DaprStateStore(sidecar, "agents-statestore"),
        publisher=publisher,
        model=ScriptedModel(),
        prompts=MemoryPrompts(),
        telemetry=MemoryTelemetry(),
        effects={},
    )
    service = Service(sample.agent, ports, Timing(), Owner("hot"), Journal())
    subscription = StreamingSubscription(sidecar, "agents-pubsub")
    service.subscribe(subscription)
    source = f"/tests/{uuid4()}"
    async with asyncio.timeout(30):
        while not subscription.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        before = calls(metered)
        for number in range(EVENTS):
            event = said(f"word {number}", event_id=str(number), source=source)
            await publisher.publish(event.type, event)
        while sum(run in sample.runs for run in set(sample.runs)) < EVENTS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    after = calls(metered)
    await service.stop(grace=1)
    await sidecar.close()
    spent = {method: after[method] - before.get(method, 0) for method in after}
    marks = spent["SaveState"] - 2 * EVENTS
    assert spent["PublishEvent"] - EVENTS == EVENTS, (
        "one for each event in, by this test, and one for each event out"
    )
    assert 1 <= marks <= EVENTS / 4
    assert spent.get("GetState", 0) == 0
