"""The model's first region fails in every way there is, while the second one answers."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from tests.faults.field import Field
from tests.faults.outside.chains import RECORDED_BY
from tests.faults.regions import Region
from tests.faults.rows.redis import redis_of
from tests.faults.rows.row import Row
from tests.faults.system import Options

LASTS = 4.0
"""Seconds over which a part of the load comes: longer than an open circuit leaves a region alone."""
RATE = 6.0
"""Chains a second at most, two executions with a model each: what a busy machine can do, too, or it is its queue that is measured."""
ADDED = 2.0
"""Seconds that an execution may take longer, at the 99th percentile, than in the part of the same run before the fault."""
CLOSES = 3.0
"""Seconds after a fault in which an open circuit lets a call through again; its pause is 2."""
PATIENCE = 180.0


async def region_fails(field: Field) -> None:
    """Load without a fault first; then, for each fault, a part with it and a part after it, each until all is through."""
    west, north = field.regions
    faults: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "killed": (west.kill, west.start),
        "hangs": (west.freeze, west.thaw),
        "503": (lambda: west.tell(fault="503"), lambda: west.tell(fault="")),
        "resets": (lambda: west.tell(fault="reset"), lambda: west.tell(fault="")),
    }
    parts = 1 + 2 * len(faults)
    size = -(-len(field.markers) // parts)
    async with field.load(rate=min(RATE, size / LASTS), parts=parts):
        await _through(field, size)
        before = await _took(field, range(size))
        _tell(field, "west well", before)
        for turn, (name, (begin, end)) in enumerate(faults.items()):
            start = (1 + 2 * turn) * size
            field.next_part()
            await field.until(partial(_published, field, start + size // 4), PATIENCE)
            answered = north.did()["answered"]
            await asyncio.to_thread(begin)
            at = time.monotonic()
            await _through(field, start + size)
            hit = [n for n in range(start, start + size) if field.published.get(n, 0.0) > at - 1]
            _tell(field, f"west {name}", await _took(field, hit), before)
            if north.did()["answered"] == answered:
                field.problem(f"west {name}: north answered nothing")
            await asyncio.to_thread(end)
            field.fault_ended()
            await asyncio.sleep(CLOSES)
            await _goes_back(field, west, name, start + 2 * size)
            before = await _took(field, range(start + size, start + 2 * size))
    await field.drained(PATIENCE)
    await _recorded(field)


def _published(field: Field, chains: int) -> bool:
    return len(field.published) > chains


async def _goes_back(field: Field, west: Region, name: str, until: int) -> None:
    answered = west.did()["answered"]
    field.next_part()
    await _through(field, until)
    # In the short form that is six chains: a machine that stands still keeps the circuit open that long.
    if west.did()["answered"] == answered and not field.short:
        field.problem(f"after west {name}: nobody asked it again")


async def _through(field: Field, chains: int) -> None:
    """Until so many chains have come through."""
    wanted = min(chains, len(field.markers))
    if not await field.until(lambda: field.done() >= wanted, PATIENCE):
        field.problem(f"{field.done()} of {wanted} chains were through after {PATIENCE:.0f} s")


async def _took(field: Field, numbers: Sequence[int]) -> list[float]:
    """Seconds of each execution that asks the model, from the event that brought it to the first sight of its own."""
    steps = await asyncio.to_thread(field.outside.steps, field.run)
    found: list[float] = []
    for number in numbers:
        if number in field.published:
            seen = steps.get(field.markers[number], {})
            at = [field.published[number], *(seen[kind] for kind in RECORDED_BY.values() if kind in seen)]
            found += [end - begin for begin, end in pairwise(at)]
    return sorted(found)


def _tell(field: Field, what: str, took: Sequence[float], before: Sequence[float] = ()) -> None:
    text = f"{what}: p50 {_at(took, 0.5):.2f} s, p99 {_p99(took):.2f} s of {len(took)} executions"
    if not before:
        field.note(text)
        return
    added = _p99(took) - _p99(before)
    field.note(f"{text}, {added:+.2f} s at p99 against the part before it")
    # A few dozen executions have no 99th percentile: the short form counts failures alone.
    if added > ADDED and not field.short:
        field.problem(f"{what}: executions took {added:.2f} s longer, {ADDED:g} s are allowed")


def _p99(took: Sequence[float]) -> float:
    return _at(took, 0.99)


def _at(took: Sequence[float], share: float) -> float:
    return took[math.ceil(share * len(took)) - 1] if took else 0.0


async def _recorded(field: Field) -> None:
    """Who answered, as the executions' own records say, and that none of them failed."""
    models: Counter[str] = Counter()
    failed = 0
    client = redis_of(field).client
    async for key in client.scan_iter("*||execution:*"):
        record = json.loads(await client.hget(key, "data") or "{}")
        if str(record.get("correlation_id", "")).startswith(field.run):
            failed += record["status"] == "failed"
            if "model" in record:
                models[record["model"]] += 1
    field.note("recorded as answering: " + ", ".join(f"{name} {n}" for name, n in sorted(models.items())))
    if failed:
        field.problem(f"{failed} executions failed")
    if sorted(name.partition("/")[0] for name in models) != ["north", "west"]:
        field.problem(f"the records do not tell who answered: {dict(models)}")


REGIONS = [
    Row(
        "r", "the model's first region is killed, hangs, says 503, resets; the second answers", region_fails,
        Options(regions=True),
        absent=dict.fromkeys(["azure-stand-ins", "postgres"], "its records are read from Redis"),
    ),
]  # fmt: skip
