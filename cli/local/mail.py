"""The mailbox of a local start: takes every message by SMTP and keeps it; `agents mail` reads it.

Run as `python -m cli.local.mail PORT FOLDER`.
"""

import asyncio
import mailbox
import sys
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

PORT = 1025


class Keep:
    """aiosmtpd's handler: a message is accepted once it is a file in the Maildir."""

    def __init__(self, folder: Path) -> None:
        self._box = mailbox.Maildir(folder)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        content: bytes = envelope.original_content or b""
        recipients = ", ".join(envelope.rcpt_tos)
        # A Bcc recipient stands in the envelope alone.
        self._box.add(f"X-Envelope-To: {recipients}\r\n".encode() + content)
        return "250 kept"


def read_mail(folder: Path) -> list[dict[str, str]]:
    """All messages, oldest first: id, from, to, date, subject and the readable body."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(folder, factory=None, create=False)
    messages = [(box.get_bytes(key), key) for key in box.keys()]  # noqa: SIM118 - Maildir iterates over messages
    parsed = [
        (BytesParser(_class=EmailMessage, policy=default).parsebytes(data), key) for data, key in messages
    ]
    return [_described(message, key) for message, key in sorted(parsed, key=lambda pair: pair[1])]


def _described(message: EmailMessage, key: str) -> dict[str, str]:
    body = message.get_body(preferencelist=("plain", "html"))
    return {
        "id": key.split(".")[1] if key.count(".") else key,
        "from": str(message["From"] or ""),
        "to": str(message["To"] or message["X-Envelope-To"] or ""),
        "date": str(message["Date"] or ""),
        "subject": str(message["Subject"] or ""),
        "message_id": str(message["Message-ID"] or ""),
        "body": _text(body) if body is not None else "",
    }


def _text(part: "Message[str, str] | EmailMessage") -> str:
    try:
        return str(part.get_content()).replace("\r\n", "\n")  # type: ignore[union-attr]
    except (LookupError, UnicodeError):  # an unknown charset
        payload = part.get_payload(decode=True)
        return payload.decode(errors="replace") if isinstance(payload, bytes) else ""


async def serve(port: int, folder: Path) -> None:
    from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - reading mail must not pay for it

    keep = Keep(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keep, enable_SMTPUTF8=True), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(int(sys.argv[1]), folder))
