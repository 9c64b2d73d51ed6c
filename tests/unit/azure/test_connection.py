"""The protocol on a real socket, by a client of a few lines: what is refused, and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.local.azure.amqp.connection import Connection
from cli.local.azure.amqp.frames import AMQP_HEADER, SASL_HEADER, frame, split_frames
from cli.local.azure.amqp.messages import BATCH, read_message
from cli.local.azure.amqp.performatives import Attach, Detach, Disposition, Flow, performative
from cli.local.azure.amqp.values import (
    NULL,
    Described,
    binary,
    boolean,
    decode,
    described,
    listed,
    mapped,
    string,
    symbol,
    ubyte,
    uint,
    ulong,
    uuid,
)
from cli.local.azure.servicebus.broker import Broker
from cli.local.azure.servicebus.topology import SubscriptionSettings, TopicSettings, Topology
from tests.unit.azure.test_tokens import signed

TOPIC = "orders"


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._buffer = bytearray()
        self._found: list[tuple[Any, bytes]] = []

    async def greet(self) -> None:
        self._writer.write(SASL_HEADER)
        assert await self._reader.readexactly(8) == SASL_HEADER
        self._writer.write(frame(0, described(0x41, listed([symbol("ANONYMOUS")])), kind=1))
        self._writer.write(AMQP_HEADER)
        await self._reader.readuntil(AMQP_HEADER)
        self.say(0x10, string("tests"))
        self.say(0x11, NULL, uint(0), uint(100), uint(100))
        await self.hear()
        await self.hear()

    def say(self, descriptor: int, *fields: bytes, payload: bytes = b"") -> None:
        self._writer.write(frame(0, described(descriptor, listed(fields)) + payload))

    def attach(self, handle: int, *, receives: bool, address: str, reply_to: str = "") -> None:
        source, target = (address, reply_to) if receives else (reply_to, address)
        ends = [described(kind, listed([string(one)])) for kind, one in ((0x28, source), (0x29, target))]
        self.say(
            0x12, string(f"link-{handle}"), uint(handle), boolean(receives), ubyte(2), ubyte(0), *ends, NULL, NULL, uint(0)
        )  # fmt: skip

    def transfer(self, handle: int, delivery: int, message: bytes, message_format: int = 0) -> None:
        self.say(0x14, uint(handle), uint(delivery), b"\xa0\x01x", uint(message_format), payload=message)

    async def put_token(
        self, token: str, entity: str, *, identity: bytes = string("1"), reply_to: str | None = "me"
    ) -> int:
        """The status of the answer, which comes under the identity of the request."""
        self.attach(100, receives=True, address="$cbs", reply_to=reply_to or "$cbs")
        self.attach(101, receives=False, address="$cbs")
        self.say(0x13, uint(0), uint(100), uint(0), uint(100), uint(100), uint(0), uint(5))
        to = string(reply_to) if reply_to else NULL
        properties = described(0x73, listed([identity, NULL, NULL, NULL, to]))
        asked = mapped([(string("operation"), string("put-token")), (string("name"), string(entity))])
        request = properties + described(0x74, asked) + described(0x77, string(token))
        self.transfer(101, 1, request)
        while True:
            _, payload = await self.hear()
            if payload:
                answer = read_message(payload)
                assert answer.properties[5] == decode(identity, 0)[0]
                status: int = answer.application_properties["status-code"]
                return status

    async def hear(self) -> tuple[Any, bytes]:
        """The next frame: what of it we can read, else its bare value; and the payload."""
        async with asyncio.timeout(60):
            while not self._found:
                data = await self._reader.read(65_536)
                if not data:
                    raise EOFError
                self._buffer += data
                for _, _, body in split_frames(self._buffer):
                    value, at = decode(body, 0)
                    self._found.append((value if value.descriptor > 0x18 else performative(value), body[at:]))
        return self._found.pop(0)

    async def heard(self, kind: type[Any]) -> Any:
        while True:
            said, _ = await self.hear()
            if isinstance(said, kind):
                return said


@pytest.fixture
async def broker() -> Broker:
    subscription = {"app": SubscriptionSettings(max_delivery_count=2000, lock_duration=5)}
    return Broker(
        Topology(topics={TOPIC: TopicSettings(max_message_bytes=2_000, subscriptions=subscription)})
    )


@asynccontextmanager
async def served(broker: Broker) -> AsyncIterator[int]:
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(broker, connections, "tests"), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(connections):
        connection.cut()
    await asyncio.sleep(0)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Client(reader, writer)
    writer.close()


@asynccontextmanager
async def client_of(broker: Broker) -> AsyncIterator[Client]:
    async with served(broker) as port, connected(port) as client:
        await client.greet()
        yield client


def words(error: Described | None) -> list[Any]:
    return [] if error is None else list(error.value)


async def test_who_has_put_no_token_may_not_attach(broker: Broker) -> None:
    async with client_of(broker) as client:
        client.attach(0, receives=False, address=TOPIC)
        refused = await client.heard(Attach)
        assert (refused.source, refused.target) == (None, None)
        assert words((await client.heard(Detach)).error)[0] == "amqp:unauthorized-access"


async def test_an_entity_that_is_not_there_is_named(broker: Broker) -> None:
    async with client_of(broker) as client:
        client.attach(0, receives=True, address="orders/Subscriptions/other")
        told = words((await client.heard(Detach)).error)
        assert told == [
            "amqp:not-found",
            "The messaging entity 'orders/Subscriptions/other' could not be found.",
            {},
        ]


async def test_a_wrong_token_opens_nothing(broker: Broker) -> None:
    async with client_of(broker) as client:
        assert await client.put_token(signed(f"amqp://h/{TOPIC}", key="another"), f"amqp://h/{TOPIC}") == 401


@pytest.mark.parametrize("identity", [uuid(UUID(int=7)), binary(b"7"), ulong(7), string("7")])
async def test_an_answer_without_an_address_goes_to_who_receives_from_the_node_under_the_id_as_it_was(
    broker: Broker, identity: bytes
) -> None:
    async with client_of(broker) as client:
        token = signed("amqp://h/")
        assert await client.put_token(token, f"amqp://h/{TOPIC}", identity=identity, reply_to=None) == 202


async def test_a_node_may_be_named_with_its_host(broker: Broker) -> None:
    async with client_of(broker) as client:
        await client.put_token(signed("amqp://h/"), f"amqp://h/{TOPIC}")
        client.attach(0, receives=False, address=f"amqps://h/{TOPIC}")
        assert (await client.heard(Attach)).target is not None


async def test_with_a_token_what_is_sent_is_received(broker: Broker) -> None:
    async with client_of(broker) as client:
        assert await client.put_token(signed("amqp://h/"), f"amqp://h/{TOPIC}") == 202
        client.attach(0, receives=False, address="ORDERS")
        await client.heard(Flow)
        client.transfer(0, 5, described(0x75, b"\xa0\x02hi"))
        settled = await client.heard(Disposition)
        assert (settled.first, settled.settled) == (5, True)
    (queue,) = broker.topics[TOPIC].subscriptions
    assert [entry.message.body for entry in queue.ready] == [[b"hi"]]


async def test_a_batch_is_as_many_messages_as_it_holds(broker: Broker) -> None:
    one = described(0x75, b"\xa0\x01a")
    batch = b"".join(described(0x75, b"\xa0%c%b" % (len(one), one)) for _ in range(3))
    async with client_of(broker) as client:
        await client.put_token(signed("amqp://h/"), f"amqp://h/{TOPIC}")
        client.attach(0, receives=False, address=TOPIC)
        await client.heard(Flow)
        client.transfer(0, 5, batch, BATCH)
        await client.heard(Disposition)
    (queue,) = broker.topics[TOPIC].subscriptions
    assert len(queue.ready) == 3


async def test_a_message_over_the_limit_ends_the_link_and_no_more(broker: Broker) -> None:
    async with client_of(broker) as client:
        await client.put_token(signed("amqp://h/"), f"amqp://h/{TOPIC}")
        client.attach(0, receives=False, address=TOPIC)
        await client.heard(Flow)
        client.transfer(0, 5, described(0x75, b"\xb0\x00\x00\x0b\xb8" + bytes(3_000)))
        told = words((await client.heard(Detach)).error)
        assert told[0] == "amqp:link:message-size-exceeded"
        client.attach(1, receives=False, address=TOPIC)
        assert (await client.heard(Attach)).target is not None


@given(st.binary(min_size=1, max_size=400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_come_the_next_client_is_served(data: bytes) -> None:
    async def attack() -> None:
        topology = Topology(topics={TOPIC: TopicSettings()})
        async with served(Broker(topology)) as port:
            for beginning in (b"", SASL_HEADER, AMQP_HEADER):
                async with connected(port) as client:
                    client._writer.write(beginning + data)
                    await asyncio.sleep(0.005)
            async with connected(port) as client:
                await client.greet()

    asyncio.run(attack())
