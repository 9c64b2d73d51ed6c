"""Notifications by mail.

A mail is sent **at least once**: when the connection breaks after the text went out, nobody knows whether the server
keeps it, and it is sent again. Both copies have the same Message-ID, the execution's id, by which mail systems know them.
"""

from __future__ import annotations

import logging
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from urllib.parse import quote

import aiosmtplib

from domain.entities.text import is_one_line
from domain.errors import AgentError, Rejected, Transient, Unavailable
from domain.ports.channel import Notification, Receipt

log = logging.getLogger(__name__)

# ASCII on the wire: every server takes it, whatever extensions it knows.
_POLICY = SMTP_POLICY.clone(cte_type="7bit")
_HEADER_LINE = 69  # with "Subject: " below 78, where `email` would fold again
_ENCODED_BYTES = 39  # in base64 with its frame below that


class SmtpChannel:
    """One connection a mail. `recipients` get what names nobody; `timeout` bounds each step, in seconds.

    `start_tls` demands encryption: a server that does not offer it gets neither password nor mail.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        recipients: Sequence[str],
        username: str | None = None,
        password: str | None = None,
        start_tls: bool = False,
        timeout: float = 30.0,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._recipients = tuple(recipients)
        self._username = username
        self._password = password
        self._start_tls = start_tls
        self._timeout = timeout

    async def send(self, notification: Notification) -> Receipt:
        recipients = notification.recipients or self._recipients
        message = self._message(notification, recipients)
        async with self._session() as session:
            try:
                await session.mail(self._sender)
                await self._name(session, recipients)
            except (aiosmtplib.SMTPException, OSError) as error:
                raise self._failure(error) from None
            try:
                await session.data(message.as_bytes(policy=_POLICY))
            except aiosmtplib.SMTPResponseException as error:
                raise self._failure(error) from None
            except (aiosmtplib.SMTPException, OSError) as error:
                raise Transient(
                    f"the mail server {self._host}:{self._port} was lost while it took the mail ({_text(error)}): "
                    "it may have it, and will get it again under the same Message-ID"
                ) from None
        # Taken by a server is not yet in a mailbox.
        return Receipt(channel="smtp", reference=str(message["Message-ID"]), confirmed=False)

    async def close(self) -> None:
        """Nothing is kept open between mails."""

    def _message(self, notification: Notification, recipients: Sequence[str]) -> EmailMessage:
        if not is_one_line(notification.subject):
            raise Rejected("the subject has line breaks or control characters: give one line")
        if not recipients:
            raise Rejected("the notification has no recipients: name some, or set default recipients")
        if strange := [one for one in recipients if not _is_plain(one)]:
            raise Rejected(
                f"{strange[0]!r} is no address that can be mailed to: write name@domain, in ASCII",
                recipients=strange,
            )
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender
        message["To"] = ", ".join(recipients)
        message.set_raw("Subject", _header_text(notification.subject))
        message["Date"] = datetime.now(UTC)
        domain = self._sender.rpartition("@")[2]
        message["Message-ID"] = f"<{_token(notification.idempotency_key)}@{domain}>"
        message["X-Correlation-ID"] = _token(notification.correlation_id)[:200]
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        message.set_content(notification.body)
        return message

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiosmtplib.SMTP]:
        session = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            start_tls=self._start_tls,
            timeout=self._timeout,
            local_hostname=socket.gethostname(),  # its default asks DNS, and blocks meanwhile
        )
        try:
            await session.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            session.close()
            raise Unavailable(
                f"the mail server {self._host}:{self._port} cannot be used ({_text(error)}): {self._cure(error)}"
            ) from None
        try:
            yield session
            await _say_goodbye(session)
        finally:
            session.close()

    async def _name(self, session: aiosmtplib.SMTP, recipients: Sequence[str]) -> None:
        """Name the recipients. Those who are refused miss the mail as long as there is anyone who gets it."""
        refused: list[aiosmtplib.SMTPRecipientRefused] = []
        for recipient in recipients:
            try:
                await session.rcpt(recipient)
            except aiosmtplib.SMTPRecipientRefused as error:
                refused.append(error)
        if len(refused) == len(recipients):
            raise aiosmtplib.SMTPRecipientsRefused(refused)
        for refusal in refused:
            log.warning(
                "the mail server %s refused the recipient %s, the others get the mail: %s",
                self._host, refusal.recipient, _text(refusal),
            )  # fmt: skip

    def _failure(self, error: Exception) -> AgentError:
        """An error before the server had the whole text: nothing was sent."""
        said = f"the mail server {self._host}:{self._port} says: {_text(error)}"
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            who = ", ".join(one.recipient for one in error.recipients)
            if all(_for_good(one) for one in error.recipients):
                return Rejected(f"{said}; it refuses {who}")
            return Unavailable(f"{said}; it does not take mail for {who} now")
        if isinstance(error, aiosmtplib.SMTPResponseException) and _for_good(error):
            return Rejected(said)
        return Unavailable(said)

    def _cure(self, error: Exception) -> str:
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return "correct user and password"
        if self._start_tls and self._username is None and isinstance(error, aiosmtplib.SMTPException):
            return "start it, or see whether it offers STARTTLS"
        return "start it, or correct host and port"


async def _say_goodbye(session: aiosmtplib.SMTP) -> None:
    """The mail is taken: a server that hangs up without a word changes nothing."""
    try:
        await session.quit()
    except (aiosmtplib.SMTPException, OSError) as error:
        log.debug("no goodbye from the mail server: %s", error)


def _for_good(error: aiosmtplib.SMTPResponseException) -> bool:
    return 500 <= error.code < 600


def _header_text(text: str) -> str:
    """RFC 2047 by hand: `email` decodes texts that look like encoded words, and loses blanks where it folds."""
    if text.isascii() and "=?" not in text and len(text) <= _HEADER_LINE:
        return text
    pieces = [b""]
    for character in text:
        encoded = character.encode()
        if len(pieces[-1]) + len(encoded) > _ENCODED_BYTES:
            pieces.append(b"")
        pieces[-1] += encoded
    return "\r\n ".join(f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in pieces)


def _is_plain(address: str) -> bool:
    local, at, domain = address.rpartition("@")
    printable = address.isascii() and address.isprintable()
    return bool(local and at and domain) and printable and not set(address) & set(' ,:;<>()[]\\"')


def _token(text: str) -> str:
    """Text that can stand in a header and in a Message-ID."""
    return quote(text, safe="!#$&'*+/=?^`{|}~")


def _text(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(_text(one) for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {' '.join(error.message.split())}"[:300]
    return str(error) or type(error).__name__
