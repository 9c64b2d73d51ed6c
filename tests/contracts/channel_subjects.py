"""The channels under test, each with the receiver at its other end: a real SMTP server, a real web server, the twin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal, TypeAlias, cast

from aiohttp import web
from aiosmtpd.smtp import SMTP

from domain.errors import Rejected, Transient, Unavailable
from domain.ports.channel import NotificationChannel
from infrastructure.channels.smtp import SmtpChannel
from infrastructure.channels.webhook import WebhookChannel
from infrastructure.memory.channel import MemoryChannel

Answer: TypeAlias = Literal["taken", "refused", "busy", "lost"]


@dataclass(frozen=True)
class Received:
    """A notification at the other end; `key` is how the receiver knows a repeated one."""

    key: str
    subject: str
    body: str
    recipients: tuple[str, ...]


@dataclass
class Receiver:
    """Set `answer` to change what comes back next; `lost` takes the notification and breaks the connection."""

    received: list[Received] = field(default_factory=list)
    answer: Answer = "taken"


class Mailbox(Receiver):
    """aiosmtpd's handler. `refuses` maps recipients to the reply they get; `raw` are the mails as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: dict[str, str] = {}
        self.raw: list[bytes] = []
        self.port = 0

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 ok"

    async def handle_DATA(self, server: Any, _: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer in {"refused", "busy"}:
            return {"refused": "554 no such mail here", "busy": "451 try again later"}[self.answer]
        self.raw.append(envelope.content)
        mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=default)
        key, subject = str(mail["Message-ID"]), str(mail["Subject"])
        text = mail.get_content().replace("\r\n", "\n").removesuffix("\n")
        self.received.append(Received(key, subject, text, tuple(envelope.rcpt_tos)))
        if self.answer == "lost":
            server.transport.abort()
        return "250 kept"


class Hook(Receiver):
    """A web server that takes notifications. `reply` is sent instead when a test sets it; `headers` came with each."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: web.Response | None = None
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.connections: set[object] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.connections.add(request.transport)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        if self.reply is not None:
            return self.reply
        if self.answer in {"refused", "busy"}:
            return web.Response(status={"refused": 410, "busy": 503}[self.answer])
        key = request.headers["Idempotency-Key"]
        self.received.append(Received(key, body["subject"], body["body"], tuple(body["recipients"])))
        if self.answer == "lost" and request.transport is not None:
            request.transport.close()
        return web.Response(status=202)


class Script(Receiver):
    """The twin is its own other end."""

    def __init__(self, channel: MemoryChannel) -> None:
        super().__init__()
        self._channel = channel

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "answer" and value != "taken":
            error = {"refused": Rejected, "busy": Unavailable, "lost": Transient}[value]
            self._channel.failures.append(error("as the test wants it"))
            self._channel.lose_answers = value == "lost"

    def __getattribute__(self, name: str) -> Any:
        if name == "received":
            return [Received(n.idempotency_key, n.subject, n.body, n.recipients) for n in self._channel.sent]
        return super().__getattribute__(name)


@asynccontextmanager
async def by_smtp(**options: Any) -> AsyncIterator[tuple[SmtpChannel, Mailbox]]:
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    settings: dict[str, Any] = {
        "sender": "agents@example.com",
        "recipients": ["team@example.com"],
        "timeout": 5.0,
    }
    channel = SmtpChannel("127.0.0.1", mailbox.port, **settings | options)
    try:
        yield channel, mailbox
    finally:
        await channel.close()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def by_webhook(path: str = "/hook", timeout: float = 5.0) -> AsyncIterator[tuple[WebhookChannel, Hook]]:  # noqa: ASYNC109
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    channel = WebhookChannel(hook.url, timeout=timeout)
    try:
        yield channel, hook
    finally:
        await channel.close()
        await runner.cleanup()


@asynccontextmanager
async def in_memory() -> AsyncIterator[tuple[NotificationChannel, Receiver]]:
    channel = MemoryChannel()
    yield channel, Script(channel)


@asynccontextmanager
async def serving(
    conversation: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server on the port it gives, which hangs up after the conversation: for what real servers do not say."""
    open_ends: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ends.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            await conversation(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*open_ends)
        await server.wait_closed()
