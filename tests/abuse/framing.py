"""Where a request ends: what a proxy and a server might read differently, with a request behind it that must not be one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle

from tests.abuse.credentials import JSON, ROOT, TICKET
from tests.abuse.field import Field
from tests.abuse.wire import request

END = b"\r\n\r\n"


def _post(field: Field, chance: random.Random) -> list[str]:
    """A head with credentials that are right: nothing but its framing keeps what follows from being done."""
    return [
        f"POST {ROOT}/open-ticket HTTP/1.1",
        "Host: agent.example",
        f"Authorization: Bearer {field.any_of('Developer', chance)}",
        JSON,
    ]


def _behind(field: Field, chance: random.Random) -> bytes:
    return request(
        "POST",
        f"{ROOT}/open-ticket",
        JSON,
        f"Authorization: Bearer {field.any_of('Developer', chance)}",
        body=TICKET,
    )


LENGTH = f"Content-Length: {len(TICKET)}"
CHUNKED = "Transfer-Encoding: chunked"
HEADERS: tuple[tuple[str, ...], ...] = (
    (LENGTH, CHUNKED),
    (CHUNKED, LENGTH),
    (CHUNKED, "Content-Length: 0"),
    ("Content-Length: 0", LENGTH),
    (LENGTH, LENGTH),
    (f"{LENGTH}, {len(TICKET)}",),
    (f"Content-Length: +{len(TICKET)}",),
    ("Content-Length: -1",),
    ("Content-Length: 0x10",),
    ("Content-Length: 1e1",),
    ("Content-Length: 5 5",),
    ("Content-Length: \uff15",),
    ("Content-Length:",),
    ("Content-Length: " + "9" * 30,),
    ("Transfer-Encoding: xchunked",),
    ("Transfer-Encoding: identity", LENGTH),
    ("Transfer-Encoding: chunked, identity",),
    ("Transfer-Encoding: chunked, chunked",),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ("Transfer-Encoding: identity", "Transfer-Encoding: chunked", LENGTH),
    ("Transfer-Encoding: \x0bchunked",),
    ("Transfer-Encoding: 'chunked'",),
    ("Transfer-Encoding : chunked", LENGTH),
    (" Transfer-Encoding: chunked", LENGTH),
    ("Transfer\x00-Encoding: chunked", LENGTH),
    ("Transfer-Encoding:\r\n chunked", LENGTH),
    ("X: a\r\n folded", LENGTH),
    ("X: a\r\n\tContent-Length: 0", LENGTH),
    ("X: a\rTransfer-Encoding: chunked", LENGTH),
    ("X: a\nTransfer-Encoding: chunked", LENGTH),
    ("X: a\n\nGET /x HTTP/1.1", LENGTH),
    ("X: a\x00b", LENGTH),
    ("X\x00: a", LENGTH),
    ("no colon", LENGTH),
    (": no name", LENGTH),
    ("Host: localhost", LENGTH),
    ("Host: agent.example", LENGTH),
)
"""Behind the head of a request; then comes its body, then another request."""
CHUNKS: tuple[bytes, ...] = (
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"-1\r\n{}\r\n0\r\n\r\n",
    b"0x2\r\n{}\r\n0\r\n\r\n",
    b"+2\r\n{}\r\n0\r\n\r\n",
    b"2\n{}\n0\n\n",
    b"2\r\n{}0\r\n\r\n",
    b"2\r\n{}XX0\r\n\r\n",
    b"1\r\n{}\r\n0\r\n\r\n",
    b"2;\nx\r\n{}\r\n0\r\n\r\n",
    b"ffffffffffffffff1\r\n{}\r\n0\r\n\r\n",
    b" 2\r\n{}\r\n0\r\n\r\n",
    b"\r\n2\r\n{}\r\n0\r\n\r\n",
)
LINES: tuple[bytes, ...] = (
    b"GET /healthz\r\n\r\n",
    b"GET /healthz HTTP/2.0",
    b"GET /healthz HTTP/1.1 x",
    b"GET /healthz http/1.1",
    b"GET /healthz HTTP/1.10",
    b"GET /healthz HTTP/3.0",
    b"GET /health z HTTP/1.1",
    b"GET\t/healthz\tHTTP/1.1",
    b"G\x00T /healthz HTTP/1.1",
    b"GET /healthz\x00 HTTP/1.1",
    b"GET /healthz\x7f HTTP/1.1",
    b"POST healthz HTTP/1.1",
    b"GET \xff\xfe HTTP/1.1",
    b"CONNECT 127.0.0.1:6379 HTTP/1.1",
    b"PRI * HTTP/2.0\r\n\r\nSM",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x05\x01\x00",
    b"*3\r\n$3\r\nSET",
)
WITHOUT_HOST: tuple[str, ...] = (
    "",
    "Host:",
    "Host: a b",
    "Host: a\x00",
    "Host: a, b",
    "Host: a/b",
    "Host: a@b",
    "Host: a\r\nHost: a",
)


def ambiguous(field: Field, chance: random.Random) -> Iterator[bytes]:
    while True:
        for headers in HEADERS:
            head = "\r\n".join([*_post(field, chance), *headers]).encode()
            yield head + END + TICKET + b"0\r\n\r\n" + _behind(field, chance)
        for chunks in CHUNKS:
            head = "\r\n".join([*_post(field, chance), CHUNKED]).encode()
            yield head + END + chunks + _behind(field, chance)
        for line in LINES:
            yield line + b"\r\nHost: agent.example\r\n\r\n" + _behind(field, chance)
        for host in WITHOUT_HOST:
            first, _, *rest = _post(field, chance)
            without = "\r\n".join([first, *([host] if host else []), *rest, LENGTH])
            yield without.encode() + END + TICKET + _behind(field, chance)
        token = f"Authorization: Bearer {field.any_of('Developer', chance)}"
        yield request("POST", f"{ROOT}/open-ticket", JSON, f"{token}\n", body=TICKET)


SENTINEL = request("GET", "/sentinel")
"""Asked at the end: its answer is the second, unless something in between was taken for a request."""


def hidden(field: Field, chance: random.Random) -> Iterator[bytes]:
    """A body is a body, whatever it looks like, and whoever refused its request before it was read."""
    for around in cycle(("length", "chunks", "upgrade", "h2c", "expect", "GET")):
        inside = _behind(field, chance)
        headers = {
            "upgrade": ["Connection: Upgrade", "Upgrade: websocket"],
            "h2c": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"],
            "expect": ["Expect: 100-continue"],
        }.get(around, [])
        method = "GET" if around == "GET" else "POST"
        target = chance.choice([f"{ROOT}/open-ticket", f"{ROOT}/tasks", "/nonsense", "/dapr/subscribe"])
        if around == "chunks":
            head = request(method, target, CHUNKED, close=False)
            yield head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(inside), inside) + SENTINEL
        else:
            yield request(method, target, *headers, body=inside, close=False) + SENTINEL
