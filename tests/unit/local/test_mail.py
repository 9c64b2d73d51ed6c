import asyncio
import smtplib
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from cli.local.mail import read_mail, serve
from cli.local.ports import free_ports
from tests.support.processes import accepts
from tests.support.waiting import until


async def test_a_mail_sent_by_smtp_is_read_back_with_its_umlauts(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = asyncio.create_task(serve(port, tmp_path / "mail"))
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "Überblick 概要"
    mail["Message-ID"] = "<e1@agents>"
    mail.set_content("Grüße, 日本語\n")
    await until(partial(accepts, port))
    await asyncio.to_thread(_send, port, mail)
    server.cancel()
    await asyncio.wait([server])
    (kept,) = read_mail(tmp_path / "mail")
    assert kept["subject"] == "Überblick 概要"
    assert kept["to"] == "b@example.org"
    assert kept["message_id"] == "<e1@agents>"
    assert kept["body"] == "Grüße, 日本語\n"
    assert kept["id"]


def test_no_mailbox_is_no_mail(tmp_path: Path) -> None:
    assert read_mail(tmp_path / "mail") == []


def _send(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail)
