"""What a seed stands for: the work, what its handlers do, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from domain.event import Event
from tests.simulation.agent import Asked, AskedTwice

FAULTS_END = 15.0
"""Seconds after which nothing goes wrong any more."""
STORE_FAULTS = ("lost", "unsure", "slow", "stuck", "refused", "refused after")
CRASHES = ("crash before", "crash in flight", "crash after")
FREEZES = ("freeze in flight", "freeze after")


@dataclass(frozen=True)
class Plan:
    """What the handler of one input does: `takes` seconds, then raises `failures` one after another, then succeeds.

    `stalls`: its process is frozen for so long in the middle of the first run. `deadly`: it kills its process.
    `broken_change`: its change of an entity is a bug. `padding`: bytes that make the outcome too large to be kept.
    `undeliverable`: the broker takes none of its events.
    """

    takes: float = 0.0
    stalls: float = 0.0
    failures: tuple[str, ...] = ()
    deadly: bool = False
    effect: bool = False
    events: int = 1
    changes: int = 0
    broken_change: bool = False
    padding: int = 0
    undeliverable: bool = False


@dataclass(frozen=True)
class Message:
    """Somebody publishes bytes on a topic. `n` is the plan, None for what is no event; `correlation` is its id if it has one."""

    at: float
    name: str
    topic: str
    data: bytes
    n: int | None
    key: str = ""
    correlation: str | None = None


@dataclass(frozen=True)
class Request:
    """A caller over HTTP, who repeats what was not accepted up to `repeats` times under the same key."""

    at: float
    name: str
    n: int
    key: str
    patience: float
    repeats: int
    correlation: str | None = None


@dataclass(frozen=True)
class Upset:
    """At a time something happens: crash, freeze, restart of a replica (by its place), store or broker down, a foreign document.

    A foreign document lies under the key of some work's claim or outcome, until somebody takes it away.
    """

    at: float
    kind: str
    replica: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """`faults` are drawn with odds `odds` at each call on a port, `budget` times in all."""

    seed: int
    replicas: int
    orderly: bool
    plans: tuple[Plan, ...]
    messages: tuple[Message, ...]
    requests: tuple[Request, ...]
    upsets: tuple[Upset, ...]
    faults: tuple[str, ...]
    odds: float
    budget: int
    max_waiting: int
    retry_after: float
    returned_at_once: bool
    late: tuple[str, ...] = field(default=())
    """What happens once all is quiet, before everything is delivered once more: restart, crash, week, replay."""


SOURCE = "/shop"


def draw(seed: int) -> Scenario:
    random = Random(seed)
    plans: list[Plan] = []
    messages: list[Message] = []
    requests: list[Request] = []
    for n in range(random.choice((1, 1, 2, 2, 2, 3))):
        plans.append(_plan(random))
        at = random.uniform(0, 3)
        match random.random():
            case chance if chance < 0.5:
                messages += _events(random, n, at, Asked.event_type)
            case chance if chance < 0.6:
                messages += _events(random, n, at, AskedTwice.event_type)
            case chance if chance < 0.67:
                poison = random.choice(
                    (b"nonsense %d" % n, b'{"specversion":"1.0","id":"%d"}' % n, b"[%d" % n)
                )
                messages += _copies(random, Message(at, f"poison {n}", Asked.event_type, poison, None))
            case _:
                requests += _requests(random, n, at)
    if len(plans) > 1 and random.random() < 0.15:
        _reuse(random, len(plans) - 1, messages, requests)
    replicas = random.choice((1, 2, 2, 3))
    deadly = any(plan.deadly for plan in plans)
    max_waiting, retry_after = random.choice((1, 48, 48)), random.choice((0.02, 1.0, 3.0))
    faults = () if random.random() < 0.1 else _faults(random)
    return Scenario(
        seed=seed,
        replicas=replicas,
        orderly=random.random() < 0.5,
        plans=tuple(plans),
        messages=tuple(messages),
        requests=tuple(requests),
        upsets=() if random.random() < 0.3 else _upsets(random, replicas),
        faults=faults,
        odds=random.choice((0.02, 0.08, 0.25)),
        budget=random.choice((1, 2, 3, 4)) if not deadly else 1,
        max_waiting=max_waiting,
        # What may not wait here and comes back at once goes round and round: true, and long.
        retry_after=max(retry_after, 1.0) if max_waiting == 1 else retry_after,
        returned_at_once=random.random() < 0.3,
        late=random.choice(
            ((), ("replay",), ("restart",), ("crash", "replay"), ("restart", "week"), ("week",))
        ),
    )


def _plan(random: Random) -> Plan:
    failures: tuple[str, ...] = ()
    deadly = False
    match random.random():
        case chance if chance < 0.62:
            pass
        case chance if chance < 0.70:
            failures = ("unavailable",) * random.randint(1, 3)
        case chance if chance < 0.82:
            failures = tuple(random.choice(("transient", "internal")) for _ in range(random.randint(1, 2)))
        case chance if chance < 0.85:
            failures = ("transient", "unavailable", "internal")
        case chance if chance < 0.91:
            failures = (random.choice(("transient", "internal")),) * 99
        case chance if chance < 0.94:
            failures = ("deadline_exceeded",) * random.choice((1, 99))
        case chance if chance < 0.98:
            failures = ("rejected",)
        case _:
            deadly = True
    effect = random.random() < 0.2
    return Plan(
        takes=random.choice((0.0, 0.0, random.uniform(0.01, 1.0), random.uniform(1.0, 5.0))),
        stalls=random.uniform(3, 12) if random.random() < (0.3 if effect else 0.05) else 0.0,
        failures=failures,
        deadly=deadly,
        effect=effect,
        events=random.choice((0, 1, 1, 2)),
        changes=0 if effect else random.choice((0, 0, 1, 1, 2)),
        broken_change=random.random() < 0.02,
        padding=5_000 if random.random() < 0.02 else 0,
        undeliverable=random.random() < 0.02,
    )


def _event(n: int, key: str, kind: str, correlation: str | None) -> bytes:
    return Event(id=key, source=SOURCE, type=kind, correlationid=correlation, data={"n": n}).to_json()


def _events(random: Random, n: int, at: float, kind: str) -> list[Message]:
    key, correlation = f"e{n}", "order 7" if random.random() < 0.1 else None
    data = _event(n, key, kind, correlation)
    return _copies(random, Message(at, f"event {n}", kind, data, n, key, correlation))


def _copies(random: Random, message: Message) -> list[Message]:
    """Now and then the publisher, or the broker, has it several times."""
    copies = [message]
    while random.random() < 0.25 and len(copies) < 4:
        at = message.at + random.choice((0.0, random.uniform(0, 1), random.uniform(0, 12)))
        copies.append(replace(message, at=at))
    return copies


def _requests(random: Random, n: int, at: float) -> list[Request]:
    patience = random.choice((0.0, 1.0, 30.0))
    correlation = "order 7" if random.random() < 0.2 else None
    first = Request(at, f"request {n}", n, f"k{n}", patience, random.choice((0, 0, 1, 2)), correlation)
    requests = [first]
    while random.random() < 0.25 and len(requests) < 3:
        again = at + random.choice((0.0, random.uniform(0, 1), random.uniform(0, 12)))
        requests.append(replace(first, at=again, repeats=0))
    return requests


def _reuse(random: Random, n: int, messages: list[Message], requests: list[Request]) -> None:
    """Another input under an identity that is in use."""
    at = random.uniform(0, 6)
    events = [message for message in messages if message.n is not None]
    if events:
        used = random.choice(events)
        other = (n - 1) if used.n == n else n
        data = _event(other, used.key, used.topic, None)
        messages.append(Message(at, f"event {used.n} reused", used.topic, data, other, used.key))
    elif requests:
        asked = random.choice(requests)
        other = (n - 1) if asked.n == n else n
        requests.append(Request(at, f"request {asked.n} reused", other, asked.key, asked.patience, 0))


def _faults(random: Random) -> tuple[str, ...]:
    return random.choice(
        (
            STORE_FAULTS,
            CRASHES,
            FREEZES,
            (*STORE_FAULTS, *CRASHES),
            (*CRASHES, *FREEZES),
            (*STORE_FAULTS, *CRASHES, *FREEZES),
        )
    )


def _upsets(random: Random, replicas: int) -> tuple[Upset, ...]:
    upsets = []
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        at = random.uniform(0, FAULTS_END - 5)
        kind = random.choice(("crash", "freeze", "restart", "restart", "store", "broker", "roll", "foreign"))
        seconds = random.choice((random.uniform(0.5, 2), random.uniform(2, 9)))
        if kind == "roll":
            upsets += [Upset(at + i * random.uniform(0.2, 3), "restart", i, 1.0) for i in range(replicas)]
        else:
            upsets.append(Upset(at, kind, random.randrange(replicas), seconds))
    return tuple(upsets)
