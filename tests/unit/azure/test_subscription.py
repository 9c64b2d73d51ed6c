"""Peek-lock, as the stand-in keeps it."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from cli.local.azure.amqp.links import Outgoing
from cli.local.azure.amqp.messages import Message, read_message
from cli.local.azure.amqp.values import described, listed, string, uint
from cli.local.azure.servicebus.subscription import Subscription
from cli.local.azure.servicebus.topology import SubscriptionSettings


class Link:
    """A receiver with so much credit; keeps the tokens of what it was sent."""

    presettled = False

    def __init__(self, credit: int = 100) -> None:
        self.credit = credit
        self.tokens: list[UUID] = []
        self.sent: list[Message] = []
        self.raw: list[bytes] = []

    @property
    def sendable(self) -> bool:
        return self.credit > 0

    def send(self, message: bytes, tag: bytes) -> None:
        self.credit -= 1
        self.tokens.append(UUID(bytes_le=tag))
        self.sent.append(read_message(message))
        self.raw.append(message)


def subscription(**settings: Any) -> Subscription:
    return Subscription("t/Subscriptions/s", SubscriptionSettings(**settings))


def attached(queue: Subscription, credit: int = 100) -> Link:
    link = Link(credit)
    queue.links.append(cast("Outgoing", link))
    queue.hand_out()
    return link


def message(text: str, ttl: float | None = None) -> Message:
    return Message(bare=described(0x77, string(text)), body=text, ttl=ttl)


async def test_a_message_is_handed_out_in_order_and_no_further_than_credit() -> None:
    queue = subscription()
    for text in "abc":
        queue.put(message(text))
    link = attached(queue, credit=2)
    assert [one.body for one in link.sent] == ["a", "b"]
    assert [entry.message.body for entry in queue.ready] == ["c"]


async def test_two_receivers_share_the_messages() -> None:
    queue = subscription()
    one, other = attached(queue), attached(queue)
    for text in "abcd":
        queue.put(message(text))
    assert ([m.body for m in one.sent], [m.body for m in other.sent]) == (["a", "c"], ["b", "d"])


async def test_what_is_abandoned_comes_back_before_what_came_later_and_counts() -> None:
    queue = subscription()
    link = attached(queue, credit=1)
    for text in "ab":
        queue.put(message(text))
    link.credit = 2
    assert queue.abandoned(link.tokens[0])
    assert [one.body for one in link.sent] == ["a", "a", "b"]
    assert [entry.delivery_count for entry in queue.ready] == []


async def test_what_is_released_does_not_count() -> None:
    queue = subscription(max_delivery_count=1)
    link = attached(queue, credit=1)
    queue.put(message("a"))
    assert queue.released(link.tokens[0])
    assert [(entry.message.body, entry.delivery_count) for entry in queue.ready] == [("a", 0)]


async def test_the_last_delivery_that_fails_makes_a_dead_letter_with_a_reason() -> None:
    queue = subscription(max_delivery_count=2)
    link = attached(queue)
    queue.put(message("a"))
    for number in range(2):
        assert queue.abandoned(link.tokens[number])
    assert queue.dead_letters is not None
    (letter,) = queue.dead_letters.ready
    assert letter.reason is not None
    assert letter.reason["DeadLetterReason"] == "MaxDeliveryCountExceeded"
    receiver = attached(queue.dead_letters)
    assert receiver.sent[0].application_properties["DeadLetterReason"] == "MaxDeliveryCountExceeded"
    assert receiver.sent[0].body == "a"


async def test_a_lock_ends_by_itself_and_whoever_held_it_learns_so(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = subscription(lock_duration=5)
    monkeypatch.setattr(queue, "settings", queue.settings.model_copy(update={"lock_duration": 0.05}))
    link = attached(queue, credit=1)
    queue.put(message("a"))
    await asyncio.sleep(0.15)
    assert not queue.completed(link.tokens[0])
    assert [(entry.message.body, entry.delivery_count) for entry in queue.ready] == [("a", 1)]


async def test_a_renewed_lock_holds_on(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = subscription(lock_duration=5)
    monkeypatch.setattr(queue, "settings", queue.settings.model_copy(update={"lock_duration": 0.2}))
    link = attached(queue, credit=1)
    queue.put(message("a"))
    for _ in range(3):
        await asyncio.sleep(0.1)
        assert queue.renewed(link.tokens[0]) is not None
    assert queue.completed(link.tokens[0])
    assert queue.renewed(link.tokens[0]) is None


async def test_a_token_of_nobody_settles_nothing() -> None:
    assert not subscription().completed(uuid4())


async def test_what_has_expired_is_not_handed_out() -> None:
    queue = subscription()
    queue.put(message("old", ttl=0.0))
    queue.put(message("new"))
    assert [one.body for one in attached(queue).sent] == ["new"]


async def test_the_receiver_sees_how_often_a_message_came() -> None:
    queue = subscription()
    link = attached(queue)
    queue.put(message("a"))
    queue.abandoned(link.tokens[0])
    counted = [described(0x70, listed([b"\x41", b"\x50\x04", b"\x40", b"\x40", uint(n)])) for n in (0, 1)]
    assert [one.startswith(header) for one, header in zip(link.raw, counted, strict=True)] == [True, True]
