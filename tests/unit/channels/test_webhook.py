from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TypeAlias

import pytest
from aiohttp import web

from domain.errors import Rejected, Transient, Unavailable
from infrastructure.channels.webhook import WebhookChannel
from tests.contracts.channel_subjects import Hook, by_webhook, serving
from tests.contracts.test_channel import note

Hooked: TypeAlias = tuple[WebhookChannel, Hook]


@pytest.fixture
async def hooked() -> AsyncIterator[Hooked]:
    async with by_webhook() as ends:
        yield ends


async def test_one_post_says_what_it_is_about(hooked: Hooked) -> None:
    channel, hook = hooked
    receipt = await channel.send(note())
    assert hook.bodies == [
        {
            "execution_id": "8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a",
            "correlation_id": "order-17",
            "recipients": ["ops@example.com"],
            "subject": "Backup failed: disk full",
            "body": "The nightly backup failed.\nFree space on db-2.",
        }
    ]
    assert hook.headers[0]["Idempotency-Key"] == "8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a"
    assert hook.headers[0]["Content-Type"] == "application/json"
    assert (receipt.channel, receipt.reference, receipt.confirmed) == (
        "webhook",
        "8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a",
        True,
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_a_confirmation(hooked: Hooked, status: int) -> None:
    channel, hook = hooked
    hook.reply = web.Response(status=status)
    assert (await channel.send(note())).confirmed is True
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_busy_or_broken_receiver_is_unavailable(hooked: Hooked, status: int) -> None:
    channel, hook = hooked
    hook.reply = web.Response(status=status)
    with pytest.raises(Unavailable, match=str(status)):
        await channel.send(note())
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
async def test_a_receiver_that_refuses_rejects(hooked: Hooked, status: int) -> None:
    channel, hook = hooked
    hook.reply = web.Response(status=status)
    with pytest.raises(Rejected, match=str(status)):
        await channel.send(note())
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_refused_and_not_followed(hooked: Hooked, status: int) -> None:
    channel, hook = hooked
    hook.reply = web.Response(status=status, headers={"Location": hook.url})
    with pytest.raises(Rejected, match="set its final URL"):
        await channel.send(note())
    assert len(hook.bodies) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0", 0.0), ("99999999", 3600.0), ("-3", None), ("soon", None), ("", None), ("²", None)],
)
async def test_retry_after_in_seconds_is_passed_on(hooked: Hooked, value: str, seconds: float | None) -> None:
    channel, hook = hooked
    hook.reply = web.Response(status=429, headers={"Retry-After": value})
    with pytest.raises(Unavailable) as caught:
        await channel.send(note())
    assert caught.value.retry_after == seconds


async def test_retry_after_as_a_date_is_passed_on_in_seconds(hooked: Hooked) -> None:
    channel, hook = hooked
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    hook.reply = web.Response(status=503, headers={"Retry-After": then})
    with pytest.raises(Unavailable) as caught:
        await channel.send(note())
    assert caught.value.retry_after is not None
    assert 200 < caught.value.retry_after <= 300


async def test_all_notifications_go_over_one_connection(hooked: Hooked) -> None:
    channel, hook = hooked
    for number in range(3):
        await channel.send(note(idempotency_key=str(number)))
    assert len(hook.connections) == 1


async def test_proxies_of_the_environment_are_not_used(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, hook = hooked
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await channel.send(note())
    assert len(hook.received) == 1


async def test_a_receiver_that_is_not_there_is_unavailable_and_named_without_the_secret_path() -> None:
    async with by_webhook() as (_, hook):
        url = hook.url
    channel = WebhookChannel(f"{url}/T0KEN?key=T0KEN", timeout=2.0)
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:\d+ cannot be reached") as caught:
        await channel.send(note())
    await channel.close()
    assert "T0KEN" not in str(caught.value)


async def test_a_receiver_that_does_not_answer_in_time_may_have_it() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        channel = WebhookChannel(f"http://127.0.0.1:{port}/T0KEN", timeout=0.2)
        with pytest.raises(Transient, match="Idempotency-Key") as caught:
            await channel.send(note())
        await channel.close()
    assert "T0KEN" not in str(caught.value)


async def test_an_answer_that_is_no_http_may_have_it() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\r\n\r\n")

    async with serving(babble) as port:
        channel = WebhookChannel(f"http://127.0.0.1:{port}/", timeout=2.0)
        with pytest.raises(Transient):
            await channel.send(note())
        await channel.close()


async def test_the_answers_body_is_not_looked_at(hooked: Hooked) -> None:
    channel, hook = hooked
    hook.reply = web.Response(body=b"\xff" * 1_000_000, headers={"Content-Encoding": "gzip"})
    assert (await channel.send(note())).confirmed is True
