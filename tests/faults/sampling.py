"""How an app fares under load, seen from outside: its memory, and how soon its health endpoints answer."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.faults.field import Field

EVERY = 0.2
BOUND = 0.1
"""Seconds within which /healthz and /readyz have to answer, without those that app and asker waited for a core."""
CHANCE = {"/healthz": 0.01, "/readyz": 0.05}
"""Share of answers that may be late; /readyz asks the sidecar and the model's server, which wait for cores as well."""
FLAT = 0.2
"""How far memory may go from its middle, after the first quarter of the samples."""
PAGE = 4096


@dataclass
class Samples:
    """`took`: (seconds as they were seen, of them waited for a core, of whom)."""

    memory: dict[str, list[int]] = field(default_factory=dict)
    took: list[tuple[float, float, str]] = field(default_factory=list)


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
                    waited = _waited_for_a_core(app["pid"]) + _waited_for_a_core(os.getpid())
                    took = await _ask(field, session, app["address"] + path)
                    waited = _waited_for_a_core(app["pid"]) + _waited_for_a_core(os.getpid()) - waited
                    found.took.append((took, min(took, waited), f"{name}{path}"))
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
        slowest, waited, where = took[-1]
        field.note(
            f"health: {len(took)} answers, median {took[len(took) // 2][0] * 1000:.1f} ms, slowest {slowest * 1000:.0f} ms "
            f"({where}, {waited * 1000:.0f} ms of them waiting for a core)"
        )
    for path, chance in CHANCE.items():
        net = [seconds - waiting for seconds, waiting, asked in took if asked.endswith(path)]
        late = [seconds for seconds in net if seconds >= BOUND]
        if net:
            field.note(
                f"{len(late)} of {len(net)} answers of {path} took 100 ms and more, the waiting for a core not counted"
            )
        if len(late) > max(2, len(net) * chance):
            field.problem(
                f"{len(late)} of {len(net)} answers of {path} took 100 ms and more, up to {max(late) * 1000:.0f} ms, "
                "without the waiting for a core"
            )
    for name, samples in found.memory.items():
        steady = samples[len(samples) // 4 :]
        low, high = min(steady), max(steady)
        field.note(f"memory of {name}: {low / 1e6:.0f} to {high / 1e6:.0f} MB after warm-up")
        if high - low > 2 * FLAT * (low + high) / 2:
            field.problem(f"the memory of {name} is not flat: {low / 1e6:.0f} to {high / 1e6:.0f} MB")


def _waited_for_a_core(pid: int) -> float:
    """Seconds that the main thread of a process was ready to run and did not (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9


def _memory(pid: int) -> int:
    """Resident bytes of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
