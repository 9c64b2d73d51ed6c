"""The kinds of what is hostile: what each is called, how many there are, what is answered. The table of docs/security.md."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.abuse import bodies, credentials, framing, messages, paths, slow
from tests.abuse.field import Field

Shots = Callable[[Field, random.Random], Iterator[bytes]]


@dataclass(frozen=True)
class Kind:
    """`shots` never ends; `answers` are the only ones."""

    name: str
    count: int
    answers: frozenset[int]
    shots: Shots
    pushed: bool = False
    """Against the agent that gets its events over HTTP."""
    sentinel: bool = False
    """Whether each ends with one more request, whose answer has to be the second."""


def _kind(
    name: str, count: int, answers: set[int], shots: Shots, *, pushed: bool = False, sentinel: bool = False
) -> Kind:
    return Kind(name, count, frozenset(answers), shots, pushed, sentinel)


KINDS = (
    _kind(f"tokens, forged in {credentials.WAYS} ways: algorithm, key, kid, jku, audience, issuer, times, form", 2400, {401}, credentials.forged),
    _kind("other credentials: keys that are none, two at once, in the wrong place", 800, {401}, credentials.others),
    _kind("headers of a sidecar or a gateway: who calls, from where, which path is meant", 700, {401}, credentials.borrowed),
    _kind("the sidecar's routes, without its token or with another", 500, {401}, credentials.sidecar_routes),
    _kind("the same where events come over HTTP", 500, {401}, credentials.sidecar_routes, pushed=True),
    _kind("there with its token, and no event", 100, {422}, credentials.broken_pushes, pushed=True),
    _kind("more than a role allows", 600, {403}, credentials.too_much),
    _kind("ambiguous framing with a request behind it: lengths, chunks, folds, line ends, NUL", 1000, {400}, framing.ambiguous),
    _kind("a request hidden in another one's body", 300, {401}, framing.hidden, sentinel=True),
    _kind("paths, of nobody: encoded slashes, dots, double slashes, NUL, absolute form, other agents, other methods", 500, {400, 401}, paths.of_nobody),
    _kind("the same, of callers with any role", 500, {400, 404, 405}, paths.of_callers),
    _kind("JSON: bombs, numbers, surrogates, NaN, charsets, gzip", 1000, {400, 415}, bodies.no_json),
    _kind("input that fits no task", 700, {422}, bodies.unfit),
    _kind("heads and bodies without measure", 100, {401, 413, 431}, bodies.huge),
)  # fmt: skip


OTHERS = (
    ("connections that say nothing, all at once", slow.IDLE, "closed after 20 s"),
    ("heads that come byte by byte", slow.SLOW_HEADS, "408 after 20 s"),
    ("bodies that come byte by byte, of nobody who is known", slow.SLOW_BODIES, "401, closed after 10 s"),
    ("messages that are no events, and events that nobody may send", messages.MALFORMED, "a dead letter each, or passed over"),
    ("publications to topics of others, by an agent's own sidecar", messages.FORBIDDEN, "refused by the sidecar"),
    ("topics of others, secrets, invocation and other APIs of that sidecar", messages.REFUSED, "refused by the sidecar"),
)  # fmt: skip


def table() -> str:
    """As docs/security.md has it."""
    rows = [(kind.name, kind.count, ", ".join(map(str, sorted(kind.answers)))) for kind in KINDS]
    lines = ["| what | how many | answered |", "|---|---|---|"]
    lines += [f"| {name} | {count:,} | {answers} |" for name, count, answers in (*rows, *OTHERS)]
    return "\n".join(lines)


def total() -> int:
    return sum(kind.count for kind in KINDS) + sum(count for _, count, _ in OTHERS)
