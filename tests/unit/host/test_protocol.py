"""HTTP/1.1 on a socket of the loopback: bounds, deadlines, and errors outside the app."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import pytest

from infrastructure.host import protocol
from tests.support.raw_http import is_closed, post, read, send
from tests.support.serving import serving
from tests.unit.runtime.sample import Sample

ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SHOUT = "/api/sample/shout"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving([Sample().agent]) as ports:
        yield ports["sample"]


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        yield one


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n X: folded\r\n\r\n",
        b"GET /health z HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /h\xc3\xa4lth HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client hello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400_in_the_documented_form(port: int, request_: bytes) -> None:
    answer = send(port, request_)
    assert answer is not None
    assert answer.status == 400
    assert answer.headers["connection"] == "close"
    assert answer.error["code"] == "malformed"


def test_a_broken_chunk_is_400(port: int) -> None:
    head = (
        f"POST {SHOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    answer = send(port, head.encode(), b"zz\r\nnonsense\r\n")
    assert answer is not None
    assert answer.status == 400
    assert answer.error["code"] == "malformed"


@pytest.mark.parametrize("size", [70_000, 1_000_000])
@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n"])
def test_a_head_that_is_too_large_is_431(connection: socket.socket, begin: bytes, size: int) -> None:
    line = b"x" * 100 if not begin.endswith(b"\n") else b"X: " + b"x" * 95 + b"\r\n"
    endless = begin + line * (size // 100)
    sent = 0
    try:
        while sent < len(endless):
            connection.sendall(endless[sent : sent + 8_000])
            sent += 8_000
            time.sleep(0.0005)  # as it comes over a network: in pieces
    except ConnectionError:
        pass
    answer = read(connection)
    # Who goes on sending to a closed connection may lose the answer; the connection ends either way.
    assert answer is None or (answer.status, answer.error["code"]) == (431, "headers_too_large")
    assert sent < 500_000


def test_many_small_headers_pass(port: int) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(1000))
    answer = send(port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")
    assert answer is not None
    assert answer.status == 200


def test_who_sends_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as idle:
        assert is_closed(idle)


@pytest.mark.parametrize("first", [b"", ALIVE])
def test_a_head_that_does_not_end_is_408(port: int, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
        if first:
            slow.sendall(first)
            answer = read(slow)
            assert answer is not None
            assert answer.status == 200
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        while not select.select([slow], [], [], 0.05)[0]:
            slow.sendall(b"y")  # a trickle does not put it off
        answer = read(slow)
        assert answer is not None
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")
        assert is_closed(slow)


def test_a_long_request_is_not_ended_by_the_deadline_of_heads(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    answer = post(port, SHOUT, b'{"word":"hi","slow":0.4}')
    assert answer is not None
    assert answer.status == 200


def test_an_answered_request_whose_body_does_not_end_is_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LINGER", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(b"POST /nonsense HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab")
        answer = read(one)
        assert answer is not None
        assert answer.status == 404
        assert is_closed(one)


def test_an_answered_request_whose_body_ends_leaves_the_connection_usable(connection: socket.socket) -> None:
    connection.sendall(b"POST /nonsense HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n")
    connection.sendall(b"x" * 1_000_000)
    answer = read(connection)
    assert answer is not None
    assert answer.status == 404
    connection.sendall(b"x" * 2_000_000 + ALIVE)
    answer = read(connection)
    assert answer is not None
    assert answer.status == 200


def test_pipelined_requests_are_answered_in_order(connection: socket.socket) -> None:
    body = b'{"word":"hi","slow":0.05}'
    shout = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        SHOUT.encode(), len(body), body,
    )  # fmt: skip
    connection.sendall(shout + ALIVE + b"GET /nonsense HTTP/1.1\r\nHost: localhost\r\n\r\n" + shout)
    answers = [read(connection) for _ in range(4)]
    assert [answer and answer.status for answer in answers] == [200, 200, 404, 200]


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
def test_an_upgrade_is_not_made_and_the_request_answered(connection: socket.socket, upgrade: str) -> None:
    """Java's HttpClient asks for h2c in every request that it sends."""
    asks = f"Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n"
    body = '{"word":"hi"}'
    request = f"POST {SHOUT} HTTP/1.1\r\n{asks}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    for _ in range(2):
        connection.sendall(request.encode() + f"GET /healthz HTTP/1.1\r\n{asks}\r\n".encode() + ALIVE)
        answers = [read(connection) for _ in range(3)]
        assert [answer and answer.status for answer in answers] == [200, 200, 200]
        assert answers[0] is not None
        assert b'"output":{"word":"HI"}' in answers[0].body


def test_an_upgrade_in_pieces_is_the_same(connection: socket.socket) -> None:
    body = b'{"word":"hi"}'
    request = (
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (SHOUT.encode(), len(body), body)
    )
    for byte in request:
        connection.sendall(bytes([byte]))
    answer = read(connection)
    assert answer is not None
    assert answer.status == 200


def test_http_1_0_is_answered_and_closed(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = read(one)
        assert answer is not None
        assert (answer.status, answer.body) == (200, b'{"status":"alive"}')
        assert is_closed(one)


def test_a_client_that_leaves_within_its_body_is_no_bug(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(f"POST {SHOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab".encode())
        time.sleep(0.05)
    time.sleep(0.1)
    assert send(port, ALIVE) is not None
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_body_far_above_the_limit_ends_the_connection(port: int) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(f"POST {SHOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000000\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            while sent < 500_000_000:
                sent += one.send(b"x" * 1_000_000)
        answer = read(one)
    assert answer is None or answer.status == 413
    assert sent < 100_000_000
    assert send(port, ALIVE) is not None


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_413_for_a_client_that_sends_it_whole_first(port: int, chunked: bool) -> None:
    size = 6 * 2**20
    kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = f"POST {SHOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{kind}\r\n\r\n"
    pieces = [b"x" * 2**16] * 96
    if chunked:
        pieces = [b"10000\r\n" + piece + b"\r\n" for piece in pieces] + [b"0\r\n\r\n"]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(head.encode())
        for piece in pieces:
            one.sendall(piece)
        answer = read(one)
        assert answer is not None
        assert (answer.status, answer.error["code"]) == (413, "too_large")
        one.sendall(ALIVE)
        again = read(one)
        assert again is not None
        assert again.status == 200
