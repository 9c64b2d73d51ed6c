"""What `Publisher` and `Subscription` promise: the twin; Redis behind a real sidecar, by stream and by push; and Service Bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn
from fastapi import FastAPI

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from domain.event import Event
from domain.ports.pubsub import Answer, Publisher, Subscription
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.push import PushSubscription
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.subscription import StreamingSubscription
from infrastructure.memory.pubsub import MemoryBroker
from tests.support.azure import on_azure
from tests.support.processes import Redis, daprd

COMPONENT = "agents-pubsub"


@dataclass
class Broker:
    """`topic` is the test's own: a new consumer group gets what was published before it, too."""

    topic: str
    publisher: Publisher
    subscription: Subscription


@pytest.fixture
def redelivered_after() -> int:
    """Milliseconds after which Redis gives an unanswered message again: never, in a test where nothing fails, however slow the machine."""
    return 600_000


@pytest.fixture(
    params=[
        "memory",
        pytest.param("stream", marks=pytest.mark.integration),
        pytest.param("push", marks=pytest.mark.integration),
        pytest.param("service-bus", marks=[pytest.mark.integration, pytest.mark.stores]),
    ]
)
def sidecar_process(
    request: pytest.FixtureRequest, tmp_path: Path, topic: str, redelivered_after: int
) -> Iterator[tuple[str, str, int]]:
    """Kind, gRPC address, app port: a sidecar and an app-id of its own for each test, so that no test sees another's events."""
    kind = str(request.param)
    if kind == "memory":
        yield kind, "", 0
        return
    programs: Programs = request.getfixturevalue("programs")
    assert programs.daprd is not None
    app_port = free_ports(1)[0] if kind == "push" else None
    app_id = f"tests-{uuid4().hex[:8]}"
    if kind == "service-bus":
        with on_azure(programs.daprd, tmp_path, {topic: [app_id]}, app_id=app_id) as azure:
            yield kind, azure.sidecar.address, 0
        return
    redis: Redis = request.getfixturevalue("redis")
    changed = {"127.0.0.1:6379": f"127.0.0.1:{redis.port}", '"3000"': f'"{redelivered_after}"'}
    # With an app's port daprd waits for the app before it asks what it subscribes to.
    with daprd(programs.daprd, tmp_path, changed, app_id=app_id, app_port=app_port) as process:
        yield kind, process.address, app_port or 0


@pytest.fixture
def topic() -> str:
    return f"agents.tests.{uuid4().hex}.happened"


@pytest.fixture
async def broker(sidecar_process: tuple[str, str, int], topic: str) -> AsyncIterator[Broker]:
    kind, address, app_port = sidecar_process
    if kind == "memory":
        memory = MemoryBroker()
        yield Broker(topic, memory, memory.subscription())
        return
    sidecar = Sidecar(address)
    publisher = DaprPublisher(sidecar, COMPONENT)
    if kind != "push":
        yield Broker(topic, publisher, StreamingSubscription(sidecar, COMPONENT))
    else:
        app = FastAPI()
        subscription = PushSubscription(app, COMPONENT, [topic])
        server = uvicorn.Server(uvicorn.Config(app, port=app_port, log_config=None, lifespan="off"))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve())
        yield Broker(topic, publisher, subscription)
        server.should_exit = True
        await serving
    await sidecar.close()


class Receiver:
    """Collects what is delivered; answers as it was told, then SUCCESS."""

    def __init__(self, *answers: Answer) -> None:
        self.received: list[bytes] = []
        self.arrived = asyncio.Event()
        self._answers = list(answers)

    async def deliver(self, _topic: str, message: bytes) -> Answer:
        self.received.append(message)
        self.arrived.set()
        return self._answers.pop(0) if self._answers else Answer.SUCCESS

    async def wait(self, count: int, seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while len(self.received) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def is_left_alone(self, seconds: float) -> None:
        """Wait until nothing came for so long."""
        async with asyncio.timeout(60):
            while self.arrived.is_set():
                self.arrived.clear()
                await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def receiving(broker: Broker, receiver: Receiver) -> AsyncIterator[None]:
    running = asyncio.create_task(broker.subscription.run([broker.topic], receiver.deliver))
    async with asyncio.timeout(60):
        while not broker.subscription.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def happened(number: int = 1) -> Event:
    return Event(
        id=f"{uuid4()}", source="/tests", type="agents.tests.thing.happened", correlationid="c", hops=2,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data={"number": number, "text": "Grüße, 日本", "big": 9007199254740993},
    )  # fmt: skip


async def test_what_is_published_arrives_byte_for_byte(broker: Broker) -> None:
    event, receiver = happened(), Receiver()
    async with receiving(broker, receiver):
        await broker.publisher.publish(broker.topic, event)
        await receiver.wait(1)
    assert receiver.received == [event.to_json()]


@pytest.mark.parametrize("redelivered_after", [1000], ids=["soon"])
async def test_a_retry_brings_the_message_again_until_it_is_done(broker: Broker) -> None:
    event, receiver = happened(), Receiver(Answer.RETRY, Answer.RETRY)
    async with receiving(broker, receiver):
        await broker.publisher.publish(broker.topic, event)
        await receiver.wait(3)
        # Where the machine stood still, one more was on its way before the last answer; then no more.
        await receiver.is_left_alone(seconds=3)
    assert set(receiver.received) == {event.to_json()}


async def test_deliveries_run_side_by_side(broker: Broker) -> None:
    release = asyncio.Event()
    receiver = Receiver()

    async def slow(topic: str, message: bytes) -> Answer:
        await receiver.deliver(topic, message)
        await release.wait()
        return Answer.SUCCESS

    running = asyncio.create_task(broker.subscription.run([broker.topic], slow))
    await asyncio.sleep(1 if not broker.subscription.connected else 0)
    for number in range(10):
        await broker.publisher.publish(broker.topic, happened(number))
    await receiver.wait(10)
    release.set()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_thousand_events_arrive_once_each_when_nothing_fails(broker: Broker) -> None:
    receiver = Receiver()
    async with receiving(broker, receiver):
        events = [happened(number) for number in range(1000)]
        for start in range(0, 1000, 50):
            await asyncio.gather(
                *(broker.publisher.publish(broker.topic, e) for e in events[start : start + 50])
            )
        await receiver.wait(1000)
    numbers = [Event.model_validate_json(raw).data["number"] for raw in receiver.received]
    assert sorted(numbers) == list(range(1000))
