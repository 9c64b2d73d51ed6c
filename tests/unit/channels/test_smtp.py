from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis.strategies import characters, text

from domain.entities.text import one_line
from domain.errors import Rejected, Transient, Unavailable
from infrastructure.channels.smtp import SmtpChannel
from tests.contracts.channel_subjects import Mailbox, by_smtp, serving
from tests.contracts.test_channel import note

Mail: TypeAlias = tuple[SmtpChannel, Mailbox]


@pytest.fixture
async def mail() -> AsyncIterator[Mail]:
    async with by_smtp() as ends:
        yield ends


def channel_to(port: int, **options: Any) -> SmtpChannel:
    settings: dict[str, Any] = {
        "sender": "agents@example.com",
        "recipients": ["team@example.com"],
        "timeout": 0.5,
    }
    return SmtpChannel("127.0.0.1", port, **settings | options)


def speaking(*lines: str) -> AbstractAsyncContextManager[int]:
    """A server that says the lines, one after each line it reads, and then hangs up; the first as a greeting."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(f"{line}\r\n".encode())
            await reader.readline()

    return serving(speak)


async def test_the_mail_says_who_sent_it_and_why(mail: Mail) -> None:
    channel, mailbox = mail
    receipt = await channel.send(note())
    sent = message_from_bytes(mailbox.raw[0], _class=EmailMessage, policy=default)
    assert sent["From"] == "agents@example.com"
    assert sent["To"] == "ops@example.com"
    assert sent["Message-ID"] == "<8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a@example.com>"
    assert sent["X-Correlation-ID"] == "order-17"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Date"].datetime.tzinfo is not None
    assert receipt.channel == "smtp"
    assert receipt.reference == "<8f0c2b7a-91d3-5f0c-8b7a-91d35f0c2b7a@example.com>"


async def test_a_mail_that_was_taken_is_not_confirmed(mail: Mail) -> None:
    channel, _ = mail
    assert (await channel.send(note())).confirmed is False


async def test_only_ascii_is_on_the_wire(mail: Mail) -> None:
    channel, mailbox = mail
    await channel.send(note(subject="夜間バックアップ", body="ディスクの空きがありません。"))
    assert mailbox.raw[0].isascii()


@given(text(max_size=300))
def test_every_one_line_subject_arrives_as_it_is(written: str) -> None:
    subject = one_line(written)
    message = channel_to(25)._message(note(subject=subject), ["ops@example.com"])
    raw = message.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.splitlines()) <= 998
    arrived = message_from_bytes(raw, _class=EmailMessage, policy=default)
    assert arrived["Subject"] == subject
    assert arrived.keys() == list(map(str, message.keys()))


@given(text(characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=300))
def test_every_body_arrives_with_its_lines(written: str) -> None:
    message = channel_to(25)._message(note(body=written), ["ops@example.com"])
    raw = message.as_bytes()
    assert raw.isascii()
    arrived = message_from_bytes(raw, _class=EmailMessage, policy=default).get_content()
    assert _lines(arrived) == _lines(written)


def _lines(body: str) -> str:
    """Its lines, without what ends the last one."""
    return "\n".join(body.splitlines()).rstrip("\n")


async def test_without_recipients_the_default_ones_get_it(mail: Mail) -> None:
    channel, mailbox = mail
    await channel.send(note(recipients=()))
    assert mailbox.received[0].recipients == ("team@example.com",)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x00", "\x85"])
async def test_a_subject_cannot_add_headers(mail: Mail, ending: str) -> None:
    channel, mailbox = mail
    with pytest.raises(Rejected, match="one line"):
        await channel.send(note(subject=f"Hello{ending}Bcc: everyone@example.com"))
    assert mailbox.raw == []


async def test_a_correlation_id_cannot_add_headers(mail: Mail) -> None:
    channel, mailbox = mail
    await channel.send(note(correlation_id="x\r\nBcc: everyone@example.com" + "ü" * 5000))
    sent = message_from_bytes(mailbox.raw[0], _class=EmailMessage, policy=default)
    assert sent["Bcc"] is None
    assert sent["X-Correlation-ID"].startswith("x%0D%0ABcc%3A%20everyone%40example.com%C3%BC")


@pytest.mark.parametrize(
    "address",
    ["a@b.c\r\nDATA", "a@b.c> SIZE=1", "a b@c.d", "no-at", "@b.c", "a@", "a@b.c,d@e.f", "jürgen@example.com"],
)
async def test_an_address_cannot_add_commands(mail: Mail, address: str) -> None:
    channel, mailbox = mail
    with pytest.raises(Rejected, match="no address"):
        await channel.send(note(recipients=("fine@example.com", address)))
    assert mailbox.raw == []


async def test_one_refused_recipient_does_not_keep_the_mail_from_the_others(
    mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    channel, mailbox = mail
    mailbox.refuses = {"gone@example.com": "550 no such user"}
    await channel.send(note(recipients=("gone@example.com", "here@example.com")))
    assert mailbox.received[0].recipients == ("here@example.com",)
    assert "refused the recipient gone@example.com" in caplog.text


async def test_when_all_recipients_are_refused_for_good_it_is_rejected(mail: Mail) -> None:
    channel, mailbox = mail
    mailbox.refuses = {"gone@example.com": "550 no such user"}
    with pytest.raises(Rejected, match=r"550 no such user; it refuses gone@example\.com"):
        await channel.send(note(recipients=("gone@example.com",)))


async def test_when_one_of_the_refused_may_be_taken_later_it_waits(mail: Mail) -> None:
    channel, mailbox = mail
    mailbox.refuses = {"gone@example.com": "550 no such user", "grey@example.com": "451 greylisted"}
    with pytest.raises(Unavailable):
        await channel.send(note(recipients=("gone@example.com", "grey@example.com")))


async def test_a_server_that_is_not_there_is_unavailable_and_named() -> None:
    async with speaking() as port:
        pass
    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port} cannot be used .* start it"):
        await channel_to(port).send(note())


@pytest.mark.parametrize("greeting", ["421 too many connections", "554 go away"])
async def test_a_server_that_turns_everyone_away_is_unavailable(greeting: str) -> None:
    async with speaking(greeting) as port:
        with pytest.raises(Unavailable, match=greeting):
            await channel_to(port).send(note())


async def test_a_silent_server_is_given_up_after_the_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        with pytest.raises(Unavailable):
            await channel_to(port, timeout=0.2).send(note())


async def test_a_connection_lost_before_the_text_sent_nothing() -> None:
    async with speaking("220 hello", "250 ehlo", "250 sender ok") as port:
        with pytest.raises(Unavailable):
            await channel_to(port).send(note())


async def test_a_connection_lost_after_the_text_may_have_sent_it() -> None:
    async with speaking("220 hello", "250 ehlo", "250 sender", "250 recipient", "354 go on") as port:
        with pytest.raises(Transient, match="same Message-ID"):
            await channel_to(port).send(note())


async def test_a_server_that_hangs_up_without_goodbye_has_the_mail_all_the_same() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in ("220 hello", "250 ehlo", "250 sender", "250 recipient", "354 go on"):
            writer.write(f"{line}\r\n".encode())
            await reader.readline()
        while await reader.readline() != b".\r\n":
            pass
        writer.write(b"250 kept\r\n")
        await writer.drain()
        await reader.readline()

    async with serving(rude) as port:
        receipt = await channel_to(port).send(note())
    assert receipt.channel == "smtp"


async def test_a_server_without_starttls_gets_neither_password_nor_mail_when_it_is_demanded(
    mail: Mail,
) -> None:
    _, mailbox = mail
    channel = channel_to(mailbox.port, start_tls=True, username="agents", password="secret")
    with pytest.raises(Unavailable) as caught:
        await channel.send(note())
    assert "secret" not in str(caught.value)
    assert mailbox.raw == []


async def test_a_wrong_password_waits_for_an_operator() -> None:
    greeting = ("220 hello", "250-ehlo\r\n250 AUTH PLAIN", "535 bad credentials")
    async with speaking(*greeting) as port:
        with pytest.raises(Unavailable, match="correct user and password") as caught:
            await channel_to(port, username="agents", password="secret").send(note())
    assert "secret" not in str(caught.value)


async def test_nothing_stays_open_after_a_mail(mail: Mail) -> None:
    channel, mailbox = mail
    before = len(asyncio.all_tasks())
    for _ in range(5):
        await channel.send(note())
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) <= before
    assert len(mailbox.raw) == 5
