"""Microsoft's own Python client on the stand-in of Service Bus: another one than a sidecar's, and as strict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusServerBusyError

from cli.local.azure.servicebus.broker import Broker
from cli.local.azure.servicebus.tokens import KEY, KEY_NAME
from cli.local.azure.servicebus.topology import SubscriptionSettings, TopicSettings, Topology
from tests.unit.azure.test_connection import served

TOPIC, APP = "orders", "app"


@pytest.fixture
async def broker() -> Broker:
    subscription = {APP: SubscriptionSettings(max_delivery_count=2000, lock_duration=5)}
    return Broker(Topology(topics={TOPIC: TopicSettings(subscriptions=subscription)}))


@asynccontextmanager
async def client_of(broker: Broker) -> AsyncIterator[ServiceBusClient]:
    async with served(broker) as port:
        connection = (
            f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};"
            "UseDevelopmentEmulator=true"
        )
        async with ServiceBusClient.from_connection_string(connection, retry_total=0) as client:
            yield client


async def test_it_sends_several_at_once_and_completes_what_it_receives(broker: Broker) -> None:
    async with client_of(broker) as client:
        async with client.get_topic_sender(TOPIC) as sender:
            await sender.send_messages([ServiceBusMessage(text) for text in (b"a", b"b", b"c")])
        async with client.get_subscription_receiver(TOPIC, APP) as receiver:
            found: list[ServiceBusReceivedMessage] = []
            while len(found) < 3:
                found += await receiver.receive_messages(3, max_wait_time=5)
            assert [(b"".join(one.body), one.sequence_number) for one in found] == [
                (b"a", 1),
                (b"b", 2),
                (b"c", 3),
            ]
            await receiver.renew_message_lock(found[0])
            for one in found:
                await receiver.complete_message(one)
    (queue,) = broker.topics[TOPIC].subscriptions
    assert (queue.counts["renewed"], queue.locked, queue.ready) == (1, 0, [])


async def test_it_learns_that_a_lock_was_lost(broker: Broker) -> None:
    (queue,) = broker.topics[TOPIC].subscriptions
    async with client_of(broker) as client:
        async with client.get_topic_sender(TOPIC) as sender:
            await sender.send_messages(ServiceBusMessage(b"a"))
        async with client.get_subscription_receiver(TOPIC, APP) as receiver:
            (one,) = await receiver.receive_messages(1, max_wait_time=5)
            queue.lose_locks()
            with pytest.raises(MessageLockLostError):
                await receiver.renew_message_lock(one)
    assert queue.most_deliveries >= 1


async def test_it_learns_that_the_broker_is_busy(broker: Broker) -> None:
    broker.faults.busy_until = float("inf")
    async with client_of(broker) as client, client.get_topic_sender(TOPIC) as sender:
        with pytest.raises(ServiceBusServerBusyError):
            await sender.send_messages(ServiceBusMessage(b"a"))
