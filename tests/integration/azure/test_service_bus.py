"""How Service Bus differs from Redis, on its stand-in behind a real sidecar: the table of docs/azure.md, line by line."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cli.local.provision.run import Programs
from domain.errors import SidecarUnavailable, TooLarge
from domain.event import Event
from domain.ports.pubsub import Answer
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.subscription import StreamingSubscription
from tests.support.azure import OnAzure, on_azure
from tests.support.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.stores, pytest.mark.timeout(300)]

TOPIC, APP, COMPONENT = "agents.tests.thing.happened", "tests", "agents-pubsub"
PATH = f"{TOPIC}/Subscriptions/{APP}"


@contextlib.contextmanager
def broker(programs: Programs, folder: Path, **settings: Any) -> Any:
    assert programs.daprd is not None
    with on_azure(programs.daprd, folder, {TOPIC: [APP]}, app_id=APP, **settings) as running:
        yield running


@pytest.fixture
def azure(programs: Programs, tmp_path: Path) -> Any:
    with broker(programs, tmp_path) as running:
        yield running


def event(text: str = "") -> Event:
    return Event(
        id=f"{time.monotonic_ns()}",
        source="/tests",
        type=TOPIC,
        correlationid="c",
        hops=0,
        data={"text": text},
    )


class Receiver:
    """Answers as it was told, then SUCCESS; `hold` seconds before each answer."""

    def __init__(self, *answers: Answer, hold: float = 0.0) -> None:
        self.received: list[str] = []
        self.times: list[float] = []
        self._answers = list(answers)
        self._hold = hold

    async def deliver(self, _topic: str, message: bytes) -> Answer:
        self.received.append(Event.model_validate_json(message).data["text"])
        self.times.append(time.monotonic())
        answer = self._answers.pop(0) if self._answers else Answer.SUCCESS
        await asyncio.sleep(self._hold)
        return answer


@contextlib.asynccontextmanager
async def receiving(azure: OnAzure, receiver: Receiver) -> AsyncIterator[DaprPublisher]:
    sidecar = Sidecar(azure.sidecar.address)
    subscription = StreamingSubscription(sidecar, COMPONENT)
    running = asyncio.create_task(subscription.run([TOPIC], receiver.deliver))
    await until(lambda: azure.bus.get("/subscriptions")[PATH]["receivers"] > 0)
    yield DaprPublisher(sidecar, COMPONENT)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await sidecar.close()


def looked_into(azure: OnAzure) -> dict[str, Any]:
    found: dict[str, Any] = azure.bus.get("/subscriptions")[PATH]
    return found


async def test_a_retry_comes_back_at_once_and_counts(azure: OnAzure) -> None:
    receiver = Receiver(Answer.RETRY, Answer.RETRY)
    async with receiving(azure, receiver) as publisher:
        await publisher.publish(TOPIC, event("a"))
        await until(lambda: len(receiver.received) == 3)
    assert receiver.times[1] - receiver.times[0] < 1
    assert looked_into(azure)["counts"]["abandoned"] == 2


async def test_deliveries_beyond_the_count_end_in_the_brokers_own_dead_letters(
    programs: Programs, tmp_path: Path
) -> None:
    with broker(programs, tmp_path, max_delivery_count=3) as azure:
        receiver = Receiver(*[Answer.RETRY] * 3)
        async with receiving(azure, receiver) as publisher:
            await publisher.publish(TOPIC, event("a"))
            await until(lambda: looked_into(azure)["dead_letters"])
        (letter,) = looked_into(azure)["dead_letters"]
        assert letter["DeadLetterReason"] == "MaxDeliveryCountExceeded"
        assert receiver.received == ["a"] * 3


async def test_what_comes_back_holds_up_nothing_else(azure: OnAzure) -> None:
    receiver = Receiver(Answer.RETRY)
    sidecar = Sidecar(azure.sidecar.address)
    publisher = DaprPublisher(sidecar, COMPONENT)
    for text in "abc":
        await publisher.publish(TOPIC, event(text))
    await sidecar.close()
    async with receiving(azure, receiver):
        await until(lambda: len(receiver.received) == 4)
    assert sorted(receiver.received) == ["a", "a", "b", "c"]


async def test_work_longer_than_the_lock_is_delivered_once(azure: OnAzure) -> None:
    receiver = Receiver(hold=8)
    async with receiving(azure, receiver) as publisher:
        await publisher.publish(TOPIC, event("a"))
        await until(lambda: looked_into(azure)["counts"].get("completed") == 1)
    counts = looked_into(azure)["counts"]
    assert (receiver.received, counts["renewed"] >= 3) == (["a"], True)
    assert "lock lost" not in counts


async def test_what_a_killed_sidecar_held_is_offered_again_when_its_lock_ends(azure: OnAzure) -> None:
    receiver = Receiver(hold=60)
    async with receiving(azure, receiver) as publisher:
        await publisher.publish(TOPIC, event("a"))
        await until(lambda: receiver.received)
        azure.sidecar.process.kill()
        await until(lambda: looked_into(azure)["waiting"] == 1)
    counts = looked_into(azure)["counts"]
    assert counts["lock lost"] == 1
    assert looked_into(azure)["dead_letters"] == []


async def test_a_lock_that_is_lost_brings_the_message_again(azure: OnAzure) -> None:
    receiver = Receiver(hold=1)
    async with receiving(azure, receiver) as publisher:
        await publisher.publish(TOPIC, event("a"))
        await until(lambda: receiver.received)
        azure.bus.fault("/faults/locks")
        await until(lambda: looked_into(azure)["counts"].get("completed"))
    assert receiver.received == ["a", "a"]


async def test_an_event_larger_than_the_topic_takes_is_refused_at_once(
    programs: Programs, tmp_path: Path
) -> None:
    with broker(programs, tmp_path, topic={"max_message_bytes": 262_144}) as azure:
        async with receiving(azure, Receiver()) as publisher:
            with pytest.raises(TooLarge, match=r"agents\.tests\.thing\.happened"):
                await publisher.publish(TOPIC, event("x" * 300_000))
            await publisher.publish(TOPIC, event("small"))


async def test_an_event_that_nobody_receives_is_taken_and_kept_nowhere(
    programs: Programs, tmp_path: Path
) -> None:
    """On Redis it stays in the stream."""
    assert programs.daprd is not None
    with on_azure(programs.daprd, tmp_path, {TOPIC: []}, app_id=APP) as azure:
        sidecar = Sidecar(azure.sidecar.address)
        await DaprPublisher(sidecar, COMPONENT).publish(TOPIC, event())
        await sidecar.close()
        assert azure.bus.get("/subscriptions") == {}


async def test_a_topic_that_is_not_there_is_named_with_the_cure(azure: OnAzure) -> None:
    sidecar = Sidecar(azure.sidecar.address)
    with pytest.raises(SidecarUnavailable, match=r"agents\.tests\.other.*python -m cli\.documents"):
        await DaprPublisher(sidecar, COMPONENT).publish("agents.tests.other", event())
    await sidecar.close()


@pytest.mark.parametrize("fault", ["outage", "busy", "cut"])
async def test_a_broker_that_is_away_or_busy_is_an_outage_and_all_goes_on_after_it(
    azure: OnAzure, fault: str
) -> None:
    receiver = Receiver()
    async with receiving(azure, receiver) as publisher:
        await publisher.publish(TOPIC, event("before"))
        await until(lambda: receiver.received)
        azure.bus.fault(f"/faults/{fault}?seconds=3")

        async def publish() -> None:
            while True:
                with contextlib.suppress(SidecarUnavailable):
                    await publisher.publish(TOPIC, event("after"))
                    return

        await asyncio.wait_for(publish(), 60)
        await until(lambda: "after" in receiver.received, 30)
    assert looked_into(azure)["dead_letters"] == []


@pytest.fixture
def wrong_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "wrong"
    shipped.mkdir()
    for file in Path("components/azure-stand-ins").glob("*.yaml"):
        (shipped / file.name).write_text(file.read_text().replace("SharedAccessKey=c3", "SharedAccessKey=d4"))
    monkeypatch.setattr("tests.support.azure.COMPONENTS", shipped)


@pytest.mark.usefixtures("wrong_key")
async def test_a_wrong_key_is_named(programs: Programs, tmp_path: Path) -> None:
    with broker(programs, tmp_path) as azure:
        sidecar = Sidecar(azure.sidecar.address)
        with pytest.raises(SidecarUnavailable, match=r"refuses the key.*pubsub.yaml"):
            await DaprPublisher(sidecar, COMPONENT).publish(TOPIC, event())
        await sidecar.close()
