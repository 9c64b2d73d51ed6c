"""What the broker brings, and what the model says: repeated, late, poisoned, wrong, too much at once."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.load import spec_event
from tests.faults.outside.chains import RECORDED_BY, SPEC
from tests.faults.outside.model import FAULTS
from tests.faults.rows.row import Row
from tests.faults.sampling import sample

POISON = ["500", "500", "500", "400"]
"""What the model always says to each of row p's bad inputs."""
KNOWN_AFTER = 75.0
"""Seconds over which the good chains of row p come: a poison is known by what is answered around it, in its own replica."""
BURST = 20
"""Chains of row o for each chain of the others."""


async def model_faults(field: Field) -> None:
    """While the load is published every call fails, each chain's in a way of its own; then the model is well again."""
    field.outside.behave(faults={field.run: list(FAULTS)})
    async with field.load():
        await field.until(lambda: not field.publishing, 600)
        field.outside.behave(faults={field.run: []})
        field.fault_ended()
    field.note(f"while chains were published, each chain's calls met one of: {', '.join(FAULTS)}")


async def five_copies(field: Field) -> None:
    async with field.load(copies=5):
        pass
    await field.drained()


async def redelivered_late(field: Field) -> None:
    """Everything a chain consists of comes again, in any order: after completion, and after a restart of everything."""
    field.outside.behave(keep=[field.run])
    async with field.load():
        pass
    await field.drained()
    effects = await asyncio.to_thread(field.outside.figures, field.run, field.began)

    async def again() -> None:
        links = {SPEC, *RECORDED_BY.values()}
        kept = await asyncio.to_thread(field.outside.kept, field.run)
        entries = [entry for entry in kept if entry[0] in links]
        field.rng.shuffle(entries)
        await field.broker.add(entries)
        field.injected += sum(1 for topic, _ in entries if topic != SPEC)
        await field.drained()

    await again()
    await _restart(field)
    await again()
    field.note(f"{field.injected} events of the agents' own came again, and every specification twice")
    after = await asyncio.to_thread(field.outside.figures, field.run, field.began)
    for what in ("calls", "repeated_effects", "doubles"):
        if after[what] != effects[what]:
            field.problem(f"{what}: {effects[what]} before everything came again, {after[what]} after")


async def _restart(field: Field) -> None:
    """Everything; but no broker and store that would forget what is in them."""
    if field.system.components.keeps:
        await asyncio.to_thread(field.system.restart)
        return
    apps = field.system.apps()
    field.kill(*apps, *(f"{app}.daprd" for app in apps))
    await field.working_again(60)


async def poison(field: Field) -> None:
    """A thousand bad messages in a row, on both agents' topics, and then good work."""
    bad = list(_poison(field.run, max(len(field.markers), 200), field.broker.largest))
    field.rng.shuffle(bad)
    began = time.monotonic()
    await field.broker.add(bad)
    async with field.load():
        pass
    if not await field.drained():
        field.problem("bad messages are still pending")
    field.note(f"{len(bad)} bad messages, all settled {time.monotonic() - began:.1f} s after the first")
    letters = sum(field.count().dead_letters.values())
    if letters != len(bad):
        field.problem(f"{letters} dead letters for {len(bad)} bad messages")


async def poisonous_inputs(field: Field) -> None:
    """A few inputs for which the model always fails, among chains that it answers."""
    bad, due = f"{field.run}1", {"model_fails_for_input": len(POISON)}

    def letters() -> dict[str, int]:
        found: dict[str, int] = field.outside.figures(bad, field.made)["dead_letters"]
        return found

    if field.short:
        field.multiply(4)
    field.outside.behave(faults={bad: POISON})
    await field.broker.add([(SPEC, spec_event(f"{bad}.{number:06}")) for number in range(len(POISON))])
    async with field.load(rate=len(field.markers) / KNOWN_AFTER):
        if await field.until(lambda: letters() == due, KNOWN_AFTER):
            field.note(
                f"the last of {len(POISON)} poisonous inputs was a dead letter after {time.monotonic() - field.began:.0f} s"
            )
    await field.drained()
    if letters() != due:
        field.problem(f"dead letters: {letters()}, {due} are due")
    if field.outside.progress(bad)["done"]:
        field.problem("a poisonous input had an effect")


async def burst(field: Field) -> None:
    """Twenty times as many chains, all at once, at a model of 200 ms; memory and health are sampled meanwhile."""
    field.multiply(BURST)
    field.outside.behave(delay=(0.2, 0.2))
    stop = asyncio.Event()
    sampler = asyncio.create_task(sample(field, stop))
    try:
        async with field.load(rate=1e9):
            pass
    finally:
        field.outside.behave(delay=(0.05, 0.3))
        stop.set()
        await sampler


def _poison(run: str, count: int, largest: int) -> list[tuple[str, bytes]]:
    """(topic, message), every kind in turn; no two messages are alike, so each is bad work of its own."""
    topics = [SPEC, "agents.implementation.code.generated", "agents.notification.send.requested"]
    found = []
    for number in range(count):
        name = f"poison/{run}/{number}"
        topic = topics[number % len(topics)]
        kinds = _kinds(name, topic)
        found.append((topic, kinds[number % len(kinds)]))
    return [*found, *((SPEC, large) for large in _large(run, largest))]


def _kinds(name: str, topic: str) -> list[bytes]:
    """Messages of every bad kind; the name makes each one's bytes its own."""
    good: dict[str, Any] = {"specversion": "1.0", "id": name, "source": "/faults", "type": topic, "data": {}}
    events: list[dict[str, Any]] = [
        {**good, "traceid": 1},
        {**good, "traceparent": {"a": []}, "tracestate": 7},
        {**good, "id": 7, "subject": name},
        {**good, "id": "", "subject": name},
        {**good, "source": [name]},
        {**good, "type": None},
        {**good, "type": 5},
        {**good, "specversion": 2},
        {**good, "specversion": "0.3"},
        {**good, "time": 12, "datacontenttype": [1], "dataschema": {}},
        {**good, "topic": 1, "pubsubname": [], "expiration": {}},
        {**good, "data": "text"},
        {**good, "data": None},
        {**good, "data": {"spec_id": 5, "cases": "none"}},
        {**good, "data_base64": 5},
        {**good, "data_base64": "!!!"},
        {**good, "correlationid": 5, "causationid": [], "hops": -1},
        {**good, "hops": 10**30},
        {**good, "hops": 10_000},
    ]
    text = name.encode()
    return [
        b"not JSON " + text,
        b"{" + text,
        b'"' + text + b'"',
        b'["' + text + b'"]',
        b'{"hello": "' + text + b'"}',
        text + b"\x00\xff\xfe",
        b'{"specversion": "1.0", "id": "\\ud800' + text + b'"}',
        b"[" * 5_000 + text + b"]" * 5_000,
        b'{"a":' * 3_000 + b'"' + text + b'"' + b"}" * 3_000,
        *(json.dumps(event).encode() for event in events),
    ]


def _large(run: str, largest: int) -> list[bytes]:
    """Of 1, 4, 5 and 9 MiB, or as much as the broker takes: an event each, and no JSON."""
    found = []
    for size in sorted({min(size * 2**20, largest - 1024) for size in (1, 4, 5, 9)}):
        text = "x" * size
        event = {"specversion": "1.0", "id": f"large/{run}/{size}", "source": "/faults", "type": SPEC}
        found.append(json.dumps({**event, "data": {"feature_title": text}}).encode())
        found.append(f"large {run} {size} {text}".encode())
    return found


MESSAGES = [
    Row("j", "model: 500, 429 with Retry-After, hang, reset, drip, garbage, truncated, wrong answer", model_faults),
    Row("k", "every event five times in parallel under one id", five_copies, targets=Targets(calls_per_event=1.0)),
    Row(
        "l", "redelivery and reordering after completion and across a restart of everything", redelivered_late,
        targets=Targets(calls_per_event=1.0),
    ),
    Row("m", "a thousand bad messages in a row before good work", poison, targets=Targets(calls_per_event=1.0)),
    Row("p", "three inputs that the model always answers with 500, one with 400, among good ones", poisonous_inputs),
    Row("o", "twenty times as many chains at once, at a model of 200 ms", burst),
]  # fmt: skip
