"""One client's connection: greetings, sessions, heartbeats."""

from __future__ import annotations

import asyncio
from typing import Any

from cli.local.azure.amqp import performatives as say
from cli.local.azure.amqp.frames import (
    AMQP_HEADER,
    MAX_FRAME,
    SASL,
    SASL_HEADER,
    frame,
    sasl_mechanisms,
    sasl_welcome,
    split_frames,
)
from cli.local.azure.amqp.performatives import Begin, Close, End, Open, SaslInit, performative
from cli.local.azure.amqp.session import WINDOW, Service, Session
from cli.local.azure.amqp.values import Malformed, decode


class Connection(asyncio.Protocol):
    def __init__(self, service: Service, connections: set[Connection], container: str) -> None:
        """`connections` holds it while it lives."""
        self.their_max_frame = 512
        self.authorized: dict[str, float] = {}
        """Entities that the client has shown a token for, with its expiry; the service's to fill."""
        self._service = service
        self._connections = connections
        self._container = container
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._greeted = False
        self._sessions: dict[int, Session] = {}
        self._heartbeat: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # asyncio's signature is wider
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._connections.discard(self)
        if self._heartbeat:
            self._heartbeat.cancel()
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._greeting() or self._frames():
                pass
        except Malformed as error:
            self.send(0, say.close(say.error("amqp:decode-error", str(error))))
            self.cut()

    def send(self, channel: int, body: bytes) -> None:
        self._write(frame(channel, body))

    def cut(self) -> None:
        """End without a word, as a network does; what was said before is still sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _greeting(self) -> bool:
        """Answer a protocol header; False when none is next."""
        if len(self._buffer) < 8 or self._buffer[:4] != b"AMQP":
            if not self._greeted and len(self._buffer) >= 8:
                raise Malformed("no AMQP 1.0 header")
            return False
        header = bytes(self._buffer[:8])
        del self._buffer[:8]
        if header == SASL_HEADER:
            # ANONYMOUS: who somebody is, a token says that is put to $cbs.
            self._write(SASL_HEADER + sasl_mechanisms("ANONYMOUS"))
        elif header == AMQP_HEADER:
            self._write(AMQP_HEADER)
        else:
            raise Malformed(f"the protocol header {header!r}")
        self._greeted = True
        return True

    def _frames(self) -> bool:
        if not self._greeted:
            return False
        found = split_frames(self._buffer)
        for kind, channel, body in found:
            if body:  # else it is a heartbeat
                self._handle(kind, channel, body)
        return bool(found)

    def _handle(self, kind: int, channel: int, body: bytes) -> None:
        value, at = decode(body, 0)
        said = performative(value)
        if kind == SASL:
            if not isinstance(said, SaslInit) or said.mechanism != "ANONYMOUS":
                raise Malformed("another SASL mechanism than ANONYMOUS")
            self._write(sasl_welcome())
            return
        match said:
            case Open():
                self._opened(said)
            case Close():
                self.send(0, say.close())
                self.cut()
            case Begin():
                self._sessions[channel] = Session(self, self._service, channel, said)
                self.send(channel, say.begin(channel, WINDOW))
            case End():
                self._session(channel, said).end()
                del self._sessions[channel]
                self.send(channel, say.end())
            case _:
                self._session(channel, said).handle(said, body[at:])

    def _session(self, channel: int, said: Any) -> Session:
        if channel not in self._sessions:
            raise Malformed(f"{type(said).__name__} on channel {channel}, where no session is")
        return self._sessions[channel]

    def _opened(self, said: Open) -> None:
        self.their_max_frame = min(MAX_FRAME, max(512, said.max_frame_size))
        self.send(0, say.open_(self._container, MAX_FRAME))
        if said.idle_time_out:
            self._beat(said.idle_time_out / 2_000)

    def _beat(self, every: float) -> None:
        self._write(frame(0))
        self._heartbeat = asyncio.get_running_loop().call_later(every, self._beat, every)

    def _write(self, data: bytes) -> None:
        """What is said in one turn of the loop goes out together."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        if self._transport is not None and self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()
