"""What the broker brings, and what the model says: repeated, late, poisoned, wrong, too much at once."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp

from tests.faults.field import Field, memory_mb
from tests.faults.figures import Targets
from tests.faults.outside.chains import RECORDED_BY, SPEC
from tests.faults.outside.model import FAULTS
from tests.faults.rows.row import Row

BURST = 20
"""Chains of row o for each chain of the others."""


async def model_faults(field: Field) -> None:
    """Chain i meets fault i mod n at its first calls of each prompt."""
    field.outside.behave(faults={field.run: list(FAULTS)})
    async with field.load():
        pass
    field.note(f"each chain met one of {', '.join(FAULTS)}, twice for each of its prompts")


async def five_copies(field: Field) -> None:
    async with field.load(copies=5):
        pass
    await field.broker.drained()


async def redelivered_late(field: Field) -> None:
    """Everything a chain consists of comes again, in any order: after completion, and after a restart of everything."""
    field.outside.behave(keep=[field.run])
    async with field.load():
        pass
    await field.broker.drained()
    effects = await asyncio.to_thread(field.outside.figures, field.run, field.began)

    async def again() -> None:
        links = {SPEC, *RECORDED_BY.values()}
        kept = await asyncio.to_thread(field.outside.kept, field.run)
        entries = [entry for entry in kept if entry[0] in links]
        field.rng.shuffle(entries)
        await field.broker.add(entries)
        field.injected += sum(1 for topic, _ in entries if topic != SPEC)
        await field.broker.drained()

    await again()
    await asyncio.to_thread(field.system.restart)
    await again()
    field.note(f"{field.injected} events of the agents' own came again, and every specification twice")
    after = await asyncio.to_thread(field.outside.figures, field.run, field.began)
    for what in ("calls", "repeated_effects", "doubles"):
        if after[what] != effects[what]:
            field.problem(f"{what}: {effects[what]} before everything came again, {after[what]} after")


async def poison(field: Field) -> None:
    """A thousand bad messages in a row, on both agents' topics, and then good work."""
    bad = list(_poison(field.run, max(len(field.markers), 200)))
    field.rng.shuffle(bad)
    began = time.monotonic()
    await field.broker.add(bad)
    async with field.load():
        pass
    await field.broker.drained(60)
    field.note(f"{len(bad)} bad messages, all settled {time.monotonic() - began:.1f} s after the first")
    letters = sum(field.count().dead_letters.values())
    if letters != len(bad):
        field.problem(f"{letters} dead letters for {len(bad)} bad messages")
    if await field.broker.pending():
        field.problem("bad messages are still pending")


async def burst(field: Field) -> None:
    """Twenty times as many chains, all at once, at a model of 200 ms; memory and health are sampled meanwhile."""
    field.multiply(BURST)
    field.outside.behave(delay=(0.2, 0.2))
    stop = asyncio.Event()
    sampler = asyncio.create_task(_sample(field, stop))
    try:
        async with field.load(rate=1e9):
            pass
    finally:
        field.outside.behave(delay=(0.05, 0.3))
        stop.set()
        await sampler


async def _sample(field: Field, stop: asyncio.Event) -> None:
    """Resident memory of every app, and how long /healthz and /readyz take to answer."""
    status = field.system.status()
    apps = {name: (status[name]["pid"], status[name]["address"]) for name in field.system.apps()}
    memory: dict[str, list[float]] = {name: [] for name in apps}
    took: list[float] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not stop.is_set():
            for name, (pid, address) in apps.items():
                memory[name].append(memory_mb(pid))
                for path in ("/healthz", "/readyz"):
                    asked = time.monotonic()
                    try:
                        async with session.get(address + path) as answer:
                            await answer.read()
                            if answer.status != 200:
                                field.problem(f"{name}{path} answered {answer.status}")
                    except (aiohttp.ClientError, TimeoutError) as error:
                        field.problem(f"{name}{path}: {error!r}")
                    took.append(time.monotonic() - asked)
            await asyncio.sleep(0.2)
    took.sort()
    slowest, usual = took[-1] * 1000, took[len(took) // 2] * 1000
    late = took[int(len(took) * 0.99)] * 1000
    field.note(
        f"health: {len(took)} answers, median {usual:.1f} ms, p99 {late:.0f} ms, slowest {slowest:.0f} ms"
    )
    if slowest >= 100:
        field.problem(f"a health endpoint took {slowest:.0f} ms")
    for name, samples in memory.items():
        steady = samples[len(samples) // 4 :]
        low, high = min(steady), max(steady)
        field.note(f"memory of {name}: {low:.0f} to {high:.0f} MB after warm-up")
        if high > 1.2 * (low + high) / 2 or low < 0.8 * (low + high) / 2:
            field.problem(f"the memory of {name} is not flat: {low:.0f} to {high:.0f} MB")


def _poison(run: str, count: int) -> list[tuple[str, bytes]]:
    """(topic, message), every kind in turn; no two messages are alike, so each is bad work of its own."""
    topics = [SPEC, "agents.implementation.code.generated", "agents.notification.send.requested"]
    found = []
    for number in range(count):
        name = f"poison/{run}/{number}"
        topic = topics[number % len(topics)]
        kinds = _kinds(name, topic)
        found.append((topic, kinds[number % len(kinds)]))
    return [*found, *((SPEC, large) for large in _large(run))]


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


def _large(run: str) -> list[bytes]:
    """Of 1, 4, 5 and 9 MiB: an event each, and no JSON."""
    found = []
    for size in (1, 4, 5, 9):
        text = "x" * (size * 2**20)
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
    Row("o", "twenty times as many chains at once, at a model of 200 ms", burst),
]  # fmt: skip
