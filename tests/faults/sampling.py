"""How an app fares under load, seen from outside: its memory, and how soon its health endpoints answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.faults.field import Field

EVERY = 0.2
BOUND = 0.1
"""Seconds within which /healthz and /readyz have to answer."""
STARVED = 0.03
"""Seconds that our own little server takes when the machine has no time for anybody: such rounds prove nothing."""
CHANCE = 0.01
"""Share of answers that may be late: the system under attack does not have the machine for itself."""
FLAT = 0.2
"""How far memory may go from its middle, after the first quarter of the samples."""
PAGE = 4096


@dataclass
class Samples:
    memory: dict[str, list[int]] = field(default_factory=dict)
    took: list[tuple[float, str]] = field(default_factory=list)
    starved: int = 0


async def sample(field: Field, stop: asyncio.Event) -> None:
    """Until told to stop; then say what was found."""
    status = field.system.status()
    apps = {name: status[name] for name in field.system.apps()}
    found = Samples({name: [] for name in apps})
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not stop.is_set():
            for name, app in apps.items():
                found.memory[name].append(_memory(app["pid"]))
                for path in ("/healthz", "/readyz"):
                    own = await _ask(field, session, f"{field.outside.base}/v1/models")
                    took = await _ask(field, session, app["address"] + path)
                    after = await _ask(field, session, f"{field.outside.base}/v1/models")
                    if max(own, after) > STARVED:
                        found.starved += 1
                    else:
                        found.took.append((took, f"{name}{path}"))
            await asyncio.sleep(EVERY)
    _judge(field, found)


async def _ask(field: Field, session: aiohttp.ClientSession, url: str) -> float:
    asked = time.monotonic()
    try:
        async with session.get(url) as answer:
            text = await answer.text()
            if answer.status != 200:
                field.problem(f"{url} answered {answer.status}: {text[:200]}")
    except (aiohttp.ClientError, TimeoutError) as error:
        field.problem(f"{url}: {error!r}")
    return time.monotonic() - asked


def _judge(field: Field, found: Samples) -> None:
    took = sorted(found.took)
    if took:
        slowest, where = took[-1]
        field.note(
            f"health: {len(took)} answers, median {took[len(took) // 2][0] * 1000:.1f} ms, "
            f"slowest {slowest * 1000:.0f} ms; {found.starved} more while the machine itself was starved"
        )
        late = sum(1 for seconds, _ in took if seconds >= BOUND)
        if late > max(2, len(took) * CHANCE):
            field.problem(
                f"{late} of {len(took)} health answers took 100 ms and more, {where} {slowest * 1000:.0f} ms"
            )
    for name, samples in found.memory.items():
        steady = samples[len(samples) // 4 :]
        low, high = min(steady), max(steady)
        field.note(f"memory of {name}: {low / 1e6:.0f} to {high / 1e6:.0f} MB after warm-up")
        if high - low > 2 * FLAT * (low + high) / 2:
            field.problem(f"the memory of {name} is not flat: {low / 1e6:.0f} to {high / 1e6:.0f} MB")


def _memory(pid: int) -> int:
    """Resident bytes of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
