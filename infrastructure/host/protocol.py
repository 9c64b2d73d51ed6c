"""uvicorn's HTTP/1.1 with what it leaves to a proxy in front: bounds on a request's head, deadlines, our form of errors."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infrastructure.host.errors import error_body
from infrastructure.host.security import HEADERS

HEAD_BYTES = 64 * 2**10
"""Of the request line and all headers."""
HEAD_SECONDS = 20.0
"""How long a head may take: from the connection's begin, later from its first byte."""
_HEADERS = "".join(f"{name.lower()}: {value}\r\n" for name, value in HEADERS).encode()
_VERSIONS = {"1.1", "1.0"}
_AUTHORITY = re.compile(rb"[0-9A-Za-z.:_~%!$&'()*+,;=\[\]-]+")
"""What a Host header is made of (RFC 3986, without the user of an address)."""
LINGER = 10.0
"""Seconds for which the rest of a request is read and dropped that was answered already, so that its sender can read."""


class Refusal(NamedTuple):
    """What is wrong with a request's head."""

    status: int
    code: str
    message: str


_MALFORMED = Refusal(400, "malformed", "this is no HTTP/1.1 request")
_BAD_HOST = Refusal(400, "malformed", "send one Host header, a name or address with or without a port")
_TOO_LARGE = Refusal(431, "headers_too_large", f"the request line and headers exceed {HEAD_BYTES} bytes")
_TOO_SLOW = Refusal(408, "request_timeout", f"the headers did not come within {HEAD_SECONDS:g} s")


class BoundedProtocol(HttpToolsProtocol):
    _in_head = True
    _head_bytes = 0
    _refusal = _MALFORMED
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(self._refusal)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._head_bytes and self._timer is None:
            self._arm(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        if refusal := self._wrong():
            self._refusal = refusal
            raise ValueError  # ends the parser, as its own errors do
        self._in_head = False
        self._head_bytes = 0
        self._disarm()
        if not self.parser.should_upgrade():
            super().on_headers_complete()
        elif self.parser.get_method() == b"CONNECT":
            raise ValueError  # for proxies

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_head = True
        self._disarm()
        super().on_message_complete()
        if (
            self.cycle.response_complete
        ):  # uvicorn's own timer for the idle connection went with the body's last bytes
            self._arm(HEAD_SECONDS)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._in_head:
            self._arm(LINGER)

    def _wrong(self) -> Refusal | None:
        """What the parser lets pass and RFC 9112 does not: other versions, and a Host that two readers may read differently."""
        if self._head_bytes > HEAD_BYTES and self._head_size() > HEAD_BYTES:
            return _TOO_LARGE  # it came in one piece
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            return _MALFORMED
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(_AUTHORITY.fullmatch, hosts)):
            return _BAD_HOST
        return None

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _parse(self, data: bytes) -> None:
        """Parse as if nobody asked for an upgrade: none is made, and RFC 9110 lets a server go on without.

        The parser stops at such a head and takes what follows for another protocol, so a body would be lost. Java's
        HttpClient asks for h2c in each request, curl with --http2.
        """
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            head = [
                b"%s %s HTTP/%s"
                % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
            ]
            head += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
            self._in_head = True
            self.parser = HttpRequestParser(self)
            self._parse(b"\r\n".join([*head, b"", b""]) + rest)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer outside the app, in its form, and close. In the midst of an answer only the latter is left."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            status, body = refusal.status, error_body(refusal.code, refusal.message)
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s"
                % (status, HTTPStatus(status).phrase.encode(), len(body), _HEADERS, body)
            )
        self.transport.close()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._arm(HEAD_SECONDS)  # a pipelined request waits for its turn; its head may not even be read
        elif self._in_head and self._head_bytes:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()
