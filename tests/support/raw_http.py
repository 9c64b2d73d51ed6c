"""HTTP by hand: any bytes out, whatever comes back, not one byte further than the answer."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.support.planted import found_in


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error, once it is sure that it has the documented form."""
        assert self.headers["content-type"] == "application/json"
        body = json.loads(self.body)
        assert list(body) == ["error"]
        error: dict[str, Any] = body["error"]
        assert sorted(error) == ["code", "details", "message", "timestamp"]
        return error


def read(connection: socket.socket) -> Answer | None:
    """The next answer; None when the connection ends without one."""
    head = b""
    try:
        while not head.endswith(b"\r\n\r\n"):
            if not (byte := connection.recv(1)):
                assert head == b""
                return None
            head += byte
        status, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = _exactly(connection, int(headers.get("content-length", 0)))
        size = 1 if headers.get("transfer-encoding") == "chunked" else 0
        while size:
            size = int(_line(connection), 16)
            body += _exactly(connection, size)
            _line(connection)
    except ConnectionError:
        return None
    assert found_in(head + body, "an answer") == []
    return Answer(int(status.split()[1]), headers, body)


def send(port: int, *pieces: bytes, timeout: float = 60) -> Answer | None:
    """Send all, then read one answer. A server that closes while we send is read all the same."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        return read(connection)


def post(port: int, path: str, body: bytes, *headers: str) -> Answer | None:
    """As JSON, unless a header says otherwise."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    if not any(one.lower().startswith("content-type") for one in headers):
        head.append("Content-Type: application/json")
    return send(port, "\r\n".join(head).encode() + b"\r\n\r\n", body)


def get(port: int, path: str, *headers: str) -> Answer | None:
    return send(port, "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closed, within the connection's timeout."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def _exactly(connection: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size:
        piece = connection.recv(size - len(body))
        assert piece, f"the answer broke off after {len(body)} of {size} bytes"
        body += piece
    return body


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.recv(1)
        assert byte, "the answer broke off"
        line += byte
    return line
