"""The stand-ins of Service Bus and Cosmos DB. The broker is spoken to by Microsoft's own client."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError, ServiceBusServerBusyError

from cli.deployed import GENERATED, LOCK, MAX_DELIVERIES, MAX_MESSAGE, STAND_INS
from cli.local.azure.servicebus.tokens import KEY, KEY_NAME
from tests.faults.components.port import Broker
from tests.faults.outside.tail import LEDGER, TOPICS, Note
from tests.integration.local.project import ROOT

BUS, ADMIN, STORE = 3900, 3901, 3902
BATCH = 2**18
"""Bytes of what is sent together. The client counts some too few: a batch up to the broker's own limit can be refused, for ever."""
PATIENCE, LOOK = 5.0, 60.0
"""Seconds for the broker to take what is sent, and for an answer when it is looked into."""
HELD = 60
"""Seconds: the ledger's lock."""


class AzureStandIns:
    name, manifest, keeps = STAND_INS, GENERATED[0], False

    def prepare(self, project: Path, agents: Sequence[str]) -> None:
        """With a subscription for the ledger, and without those of agents that do not run: nobody would empty them."""
        folder = project / "components" / STAND_INS
        shutil.copytree(ROOT / "components" / STAND_INS, folder)
        file = folder / "servicebus.json"
        topology = json.loads(file.read_text())
        for topic, settings in topology["topics"].items():
            found = settings["subscriptions"]
            settings["subscriptions"] = {agent: found[agent] for agent in agents if agent in found}
            if topic in TOPICS:
                settings["subscriptions"][LEDGER] = {
                    "max_delivery_count": MAX_DELIVERIES,
                    "lock_duration": HELD,
                }
        file.write_text(json.dumps(topology))

    def beside(self, folder: Path) -> AbstractAsyncContextManager[Mapping[str, str]]:
        return nullcontext({})

    def broker(self, offset: int) -> Broker:
        return ServiceBus(offset)

    async def follow(self, note: Note, offset: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for topic in TOPICS:
                tasks.create_task(_follow(note, offset, topic))

    def versions(self, offset: int) -> dict[str, str]:  # they are of this very commit
        return {}


@dataclass(frozen=True)
class Deliveries:
    """`returned`: those that were abandoned or whose lock ended, of all agents; `most`: of one message, so far."""

    returned: int
    most: int


class ServiceBus:
    """What was not accepted is sent again. It refuses while it is busy."""

    largest = MAX_MESSAGE * 1024 - 1024  # the rest is for what AMQP puts around it

    def __init__(self, offset: int) -> None:
        self.refused = 0
        self._offset = offset
        self._client = _client(offset)
        self._senders: dict[str, ServiceBusSender] = {}

    async def close(self) -> None:
        await self._client.close()

    async def add(self, entries: Sequence[tuple[str, bytes]]) -> None:
        by_topic = groupby(sorted(entries, key=lambda entry: entry[0]), key=lambda entry: entry[0])
        for topic, found in by_topic:
            messages = [message for _, message in found]
            while messages:
                try:
                    del messages[: await self._send(topic, messages)]
                except ServiceBusServerBusyError:
                    self.refused += 1
                    await asyncio.sleep(0.2)
                except (ServiceBusError, OSError):
                    await self._forget(topic)
                    await asyncio.sleep(0.2)

    async def left(self) -> int | None:
        with suppress(OSError):
            found = (await self._subscriptions()).values()
            left: int = sum(one["waiting"] + one["locked"] for one in found)
            return left
        return None

    async def given_up(self) -> int | None:
        return sum(len(one["dead_letters"]) for one in (await self._subscriptions()).values())

    async def deliveries(self) -> Deliveries:
        found = [
            one for path, one in (await self._subscriptions()).items() if not path.endswith(f"/{LEDGER}")
        ]
        returned = sum(one["counts"].get(how, 0) for one in found for how in ("abandoned", "lock lost"))
        return Deliveries(returned, max(one["most_deliveries"] for one in found))

    async def fault(self, path: str) -> None:
        await asyncio.to_thread(_ask, ADMIN + self._offset, f"/faults/{path}", b"")

    async def store_fault(self, query: str) -> None:
        await asyncio.to_thread(_ask, STORE + self._offset, f"/stand-in/faults?{query}", b"")

    async def store_answers(self) -> dict[str, int]:
        """By method and status."""
        found = json.loads(await asyncio.to_thread(_ask, STORE + self._offset, "/stand-in/counts"))
        answers: dict[str, int] = found["answers"]
        return answers

    async def _send(self, topic: str, messages: Sequence[bytes]) -> int:
        """How many of them went out together."""
        if topic not in self._senders:
            await _listening(self._offset)
            self._senders[topic] = self._client.get_topic_sender(topic)
        sender = self._senders[topic]
        batch = await sender.create_message_batch(max_size_in_bytes=BATCH)
        fits = 0
        with suppress(MessageSizeExceededError):
            for message in messages:
                batch.add_message(ServiceBusMessage(message))
                fits += 1
        await sender.send_messages(batch if fits else ServiceBusMessage(messages[0]), timeout=PATIENCE)
        return fits or 1

    async def _forget(self, topic: str) -> None:
        if sender := self._senders.pop(topic, None):
            with suppress(ServiceBusError, OSError):
                await sender.close()

    async def _subscriptions(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = json.loads(
            await asyncio.to_thread(_ask, ADMIN + self._offset, "/subscriptions")
        )
        return found


async def _follow(note: Note, offset: int, topic: str) -> None:
    """A message that comes again because its lock ended was published once: its place tells."""
    known: set[tuple[int | None, datetime | None]] = set()
    while True:
        await _listening(offset)
        with suppress(ServiceBusError, OSError):
            async with (
                _client(offset) as client,
                client.get_subscription_receiver(topic, LEDGER, prefetch_count=200) as receiver,
            ):
                while True:
                    for message in await receiver.receive_messages(200, max_wait_time=LOCK):
                        place = (message.sequence_number, message.enqueued_time_utc)
                        if place not in known:
                            known.add(place)
                            note(b"".join(message.body), time.monotonic())
                        await receiver.complete_message(message)
        await asyncio.sleep(0.1)


async def _listening(offset: int) -> None:
    """The client's own tries are dear, and leave their sockets open."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", BUS + offset)
            writer.close()
            return
        await asyncio.sleep(0.1)


def _client(offset: int) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(
        f"Endpoint=sb://127.0.0.1:{BUS + offset};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};"
        "UseDevelopmentEmulator=true",
        retry_total=0,
    )


def _ask(port: int, path: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)  # loopback
    with urllib.request.urlopen(request, timeout=LOOK) as answer:  # noqa: S310
        found: bytes = answer.read()
        return found
