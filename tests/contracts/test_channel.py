"""What every notification channel does, mail, webhook and twin alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest

from domain.errors import Rejected, Transient, Unavailable
from domain.ports.channel import Notification, NotificationChannel
from tests.contracts.channel_subjects import Receiver, by_smtp, by_webhook, in_memory

Ends: TypeAlias = tuple[NotificationChannel, Receiver]
"""The channel, and what is at its other end."""

SUBJECTS: dict[str, Callable[[], AbstractAsyncContextManager[Ends]]] = {
    "twin": in_memory,
    "smtp": by_smtp,
    "webhook": by_webhook,
}


@pytest.fixture(params=SUBJECTS)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    async with SUBJECTS[request.param]() as (channel, receiver):
        yield channel, receiver


def note(**given: Any) -> Notification:
    about: dict[str, Any] = {
        "idempotency_key": "8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a",
        "correlation_id": "order-17",
        "recipients": ("ops@example.com",),
        "subject": "Backup failed: disk full",
        "body": "The nightly backup failed.\nFree space on db-2.",
    }
    return Notification(**about | given)


async def test_a_notification_arrives_once_and_whole(ends: Ends) -> None:
    channel, receiver = ends
    await channel.send(note())
    assert len(receiver.received) == 1
    arrived = receiver.received[0]
    assert arrived.subject == "Backup failed: disk full"
    assert arrived.body == "The nightly backup failed.\nFree space on db-2."
    assert arrived.recipients == ("ops@example.com",)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Größere Störung: Zugänge gesperrt", "Straße 5 — bitte prüfen.\n\nGrüße"),
        ("夜間バックアップに失敗しました", "ディスクの空きがありません。\n担当者は確認してください。"),
        ("=?utf-8?q?not_decoded_twice?= 🚨", ".\n.\r\nFrom me\n" + "long " * 400 + "end"),
        ("A subject that is longer than a header line may be, " * 4 + "ü", "\u202eright to left"),
    ],
)
async def test_text_in_any_language_arrives_unchanged(ends: Ends, subject: str, body: str) -> None:
    channel, receiver = ends
    await channel.send(note(subject=subject.strip(), body=body))
    assert receiver.received[0].subject == subject.strip()
    assert receiver.received[0].body == body.replace("\r\n", "\n") or receiver.received[0].body == body


async def test_the_same_notification_sent_again_is_recognisable(ends: Ends) -> None:
    channel, receiver = ends
    first = await channel.send(note())
    second = await channel.send(note())
    other = await channel.send(note(idempotency_key="another"))
    assert first.reference == second.reference != other.reference
    first_key, second_key, other_key = (received.key for received in receiver.received)
    assert first_key == second_key != other_key


async def test_a_refusal_is_final(ends: Ends) -> None:
    channel, receiver = ends
    receiver.answer = "refused"
    with pytest.raises(Rejected):
        await channel.send(note())
    assert receiver.received == []


async def test_a_busy_receiver_is_waited_for(ends: Ends) -> None:
    channel, receiver = ends
    receiver.answer = "busy"
    with pytest.raises(Unavailable):
        await channel.send(note())
    receiver.answer = "taken"
    await channel.send(note())
    assert len(receiver.received) == 1


async def test_a_lost_answer_leaves_it_open_whether_it_was_taken(ends: Ends) -> None:
    channel, receiver = ends
    receiver.answer = "lost"
    with pytest.raises(Transient):
        await channel.send(note())
    receiver.answer = "taken"
    await channel.send(note())
    first, second = receiver.received
    assert first.key == second.key
