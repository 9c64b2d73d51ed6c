"""The connection between app and sidecar, and the clock of one app."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from email.utils import parsedate_to_datetime

from tests.faults.field import RATE, Field
from tests.faults.load import pace, spec_event
from tests.faults.proxy import Mode
from tests.faults.rows.row import Row
from tests.faults.system import FaultSystem, Options, faketime

WRAPPED = Options(wrapped=True)
NO_FAKETIME = "libfaketime is not there: pip install libfaketime, or the system's package faketime"
JUMPS = ["+3600", "-3600", "+0", "-3600", "+3600", "+0"]


async def connection_broken(field: Field) -> None:
    """Two of the connections at a time are cut, half-open, slow, in turn, and heal."""
    modes = [Mode.CUT, Mode.HALF_OPEN, Mode.SLOW]
    turn = 0
    async with field.load():
        while field.publishing or turn < len(modes):
            mode = modes[turn % len(modes)]
            turn += 1
            await asyncio.sleep(field.rng.uniform(0.3, 1.0))
            for proxy in field.rng.sample(field.proxies, 2):
                proxy.misbehave(mode)
            await asyncio.sleep(3)
            for proxy in field.proxies:
                proxy.misbehave(Mode.NONE)
            field.fault_ended()
    await field.working_again(10)
    await _probe(field)
    field.note(
        f"{turn} times two of {len(field.proxies)} connections: {', '.join(mode.value for mode in modes)}"
    )


async def _probe(field: Field, chains: int = 40, bound: float = 3.0) -> None:
    """More chains, on a system that should be whole again: every replica gets some, and none may be held up.

    The bound is shorter than a redelivery takes, so that a replica that takes work and does nothing is found.
    """
    run = f"{field.run}0"
    markers = [f"{run}.{number:06}" for number in range(chains)]
    began = time.monotonic()
    await pace(field.broker, [[spec_event(marker)] for marker in markers], RATE, lambda _: None)
    sent = time.monotonic()
    await field.until(lambda: field.outside.progress(run)["done"] >= chains, 30)
    seen = await asyncio.to_thread(field.outside.figures, run, began)
    if len(seen["done"]) < chains:
        field.problem(f"{chains - len(seen['done'])} of {chains} chains after the attack were lost")
        return
    took = seen["effects_at"][-1] - sent
    field.note(f"{chains} chains afterwards: the last was through {took:.1f} s after it was published")
    if took > bound:
        field.problem(f"work is held up after the attack: {took:.1f} s for a chain that takes half a second")


async def clock_jumps(field: Field) -> None:
    if faketime() is None:
        field.problem(f"{NO_FAKETIME}: the row proves nothing")
        return
    turn, furthest = 0, 0.0
    async with field.load():
        while field.publishing or turn < 3:
            field.system.clock.write_text(JUMPS[turn % len(JUMPS)] + "\n")
            turn += 1
            await asyncio.sleep(1.3)
            furthest = max(furthest, await asyncio.to_thread(_clock_error, field.system))
        field.system.clock.write_text("+0\n")
        field.fault_ended()
    field.note(
        f"the wall clock of one of the two notifications jumped {turn} times, by up to {furthest / 60:.0f} minutes"
    )
    if furthest < 3_500:
        field.problem("the clock did not follow: the row proves nothing")


def _clock_error(system: FaultSystem) -> float:
    """Seconds between the wall clock of the first notification, as its answers tell it, and ours."""
    with urllib.request.urlopen(system.url("notification", "/healthz"), timeout=5) as answer:  # noqa: S310  # our own
        told = parsedate_to_datetime(answer.headers["Date"])
    return abs(told.timestamp() - time.time())


NETWORK = [
    Row("i", "connection between app and sidecar cut, half-open, slow", connection_broken, WRAPPED),
    Row("n", "the wall clock of one app jumps by an hour, both ways", clock_jumps, WRAPPED),
]
