"""What Service Bus and Cosmos DB do to who uses them: locks lost, connections cut, throttling, silence."""

from __future__ import annotations

import asyncio
import os
import signal

from cli.deployed import MAX_DELIVERIES
from tests.faults.components.azure import ServiceBus
from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.rows.row import Row
from tests.faults.system import Options

QUIET = Options(freeze_detection=False)
"""The supervisor would replace a frozen stand-in, and what is in it would be gone."""
PAUSE = (0.5, 3.0)
OUTAGE, STORM, BUSY = 5.0, 10.0, 2.0


async def locks_lost(field: Field) -> None:
    bus, times = _bus(field), 0
    before = await bus.deliveries()
    async with field.load():
        while field.publishing or not times:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            await bus.fault("locks")
            field.fault_ended()
            times += 1
    await _returned(field, before.returned, f"all locks lost {times} times")
    if (await bus.deliveries()).returned == before.returned:
        field.problem("no lock was lost: the row proves nothing")


async def bus_away(field: Field) -> None:
    """Nobody is let in for a while, or all connections end once, in turn."""
    bus, turn = _bus(field), 0
    before = await bus.deliveries()
    async with field.load():
        while field.publishing or turn < 2:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            if turn % 2:
                await bus.fault("cut")
            else:
                await bus.fault(f"outage?seconds={OUTAGE}")
                await asyncio.sleep(OUTAGE)
            field.fault_ended()
            turn += 1
    await field.working_again(30)
    await _returned(field, before.returned, f"{turn} times away for {OUTAGE:.0f} s, or all connections cut")


async def bus_busy(field: Field) -> None:
    bus = _bus(field)
    before = await bus.deliveries()
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            await bus.fault(f"busy?seconds={BUSY}")
            await asyncio.sleep(BUSY)
            field.fault_ended()
    await _returned(field, before.returned, f"Service Bus refused the publisher {bus.refused} times")
    if not bus.refused:
        field.problem("Service Bus never was busy: the row proves nothing")


async def bus_frozen(field: Field) -> None:
    before = await _bus(field).deliveries()
    await _frozen(field, "service-bus")
    await _returned(field, before.returned, "locks ended in silence")


async def store_frozen(field: Field) -> None:
    await _frozen(field, "cosmos")


async def store_throttled(field: Field) -> None:
    """Every call is refused for a while, then half of them, as long as chains are published."""
    await _store_fails(field, 429)


async def store_unavailable(field: Field) -> None:
    await _store_fails(field, 503)


async def _store_fails(field: Field, status: int) -> None:
    bus, seconds = _bus(field), OUTAGE if field.short else STORM
    before = await bus.deliveries()
    async with field.load():
        await asyncio.sleep(1.5)
        await bus.store_fault(f"status={status}&seconds={seconds}")
        await asyncio.sleep(seconds)
        while field.publishing:
            await bus.store_fault(f"status={status}&seconds=2&share=0.5")
            await asyncio.sleep(2)
        field.fault_ended()
    answers = await bus.store_answers()
    refused = sum(count for name, count in answers.items() if name.endswith(str(status)))
    await _returned(field, before.returned, f"Cosmos DB answered {refused} calls with {status} so far")
    if not refused:
        field.problem("Cosmos DB refused nothing: the row proves nothing")


async def _frozen(field: Field, name: str) -> None:
    async with field.load():
        await asyncio.sleep(1.5)
        (pid,) = field.system.signal(signal.SIGSTOP, name)
        await asyncio.sleep(OUTAGE if field.short else STORM)
        os.kill(pid, signal.SIGCONT)
        field.fault_ended()


async def _returned(field: Field, before: int, told: str) -> None:
    """Say what happened, and how near it came to the count beyond which Service Bus gives a message up."""
    now = await _bus(field).deliveries()
    field.note(
        f"{told}; {now.returned - before} deliveries came back; of one message {now.most} at most so far, {MAX_DELIVERIES:,} may be"
    )


def _bus(field: Field) -> ServiceBus:
    assert isinstance(field.broker, ServiceBus)
    return field.broker


NO_LOCKS = dict.fromkeys(["redis", "postgres"], "Redis has no locks")
NO_BUS = dict.fromkeys(["redis", "postgres"], "rows f, g and h do it to Redis")
NO_COSMOS = {"redis": NO_BUS["redis"], "postgres": "rows pg-killed and pg-frozen do it to PostgreSQL"}
BACK = Targets(back=20.0)
"""A sidecar waits for up to 10 s between two tries to reach Service Bus again (`maxConnectionRecoveryInSec`)."""
WHY_BACK = (
    "back at work within 20 s: a sidecar waits for up to 10 s between two tries to reach Service Bus again"
)
AZURE = [
    Row("locks", "Service Bus: every lock lost, every 0.5 to 3 s", locks_lost, absent=NO_LOCKS),
    Row("away", "Service Bus away for 5 s, all connections cut, in turn", bus_away, Options(), BACK, WHY_BACK, NO_BUS),
    Row("busy", "Service Bus refuses what is published for 2 s, every 0.5 to 3 s", bus_busy, absent=NO_BUS),
    Row("bus-frozen", "Service Bus silent for 10 s", bus_frozen, QUIET, BACK, WHY_BACK, NO_BUS),
    Row("throttled", "Cosmos DB answers 429 to everything for 10 s, then to half", store_throttled, absent=NO_COSMOS),
    Row("unavailable", "Cosmos DB answers 503 to everything for 10 s, then to half", store_unavailable, absent=NO_COSMOS),
    Row("store-frozen", "Cosmos DB silent for 10 s", store_frozen, QUIET, absent=NO_COSMOS),
]  # fmt: skip
