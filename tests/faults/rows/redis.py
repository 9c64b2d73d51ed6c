"""Redis dies, freezes, or is full."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from tests.faults.components.redis import RedisBroker
from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.rows.row import Row
from tests.faults.system import Options

QUIET = Options(freeze_detection=False)
"""The supervisor would replace a frozen Redis after a second: here nobody does."""


async def redis_killed(field: Field, appendfsync: str) -> None:
    kills: list[float] = []
    earlier = field.system.status()["redis"]["restarts"]
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(1.0, 3.0))
            await redis_of(field).client.config_set(
                "appendfsync", appendfsync
            )  # it starts with what it was told
            await asyncio.sleep(0.2)
            kills.append(time.monotonic())
            field.system.signal(signal.SIGKILL, "redis")
            await field.until(lambda: field.system.status()["redis"]["restarts"] >= len(kills) + earlier, 10)
            await field.until(lambda: field.system.status()["redis"]["state"] == "ready", 20)
            field.fault_ended()
            await asyncio.sleep(2 if field.short else 4)
    seen = field.count()
    late = [
        number for number, at in field.published.items() if any(0 <= killed - at <= 1 for killed in kills)
    ]
    field.note(
        f"{len(kills)} kills; {len(late)} chains were acknowledged within the second before one, {seen.lost} chains lost"
    )
    if seen.lost > len(late):
        field.problem(
            f"{seen.lost} chains lost, {len(late)} could be: those of the last second before a kill"
        )
    await field.working_again()


async def redis_killed_everysec(field: Field) -> None:
    await redis_killed(field, "everysec")


async def redis_killed_always(field: Field) -> None:
    await redis_killed(field, "always")


async def redis_frozen(field: Field) -> None:
    async with field.load():
        await asyncio.sleep(1.5)
        (pid,) = field.system.signal(signal.SIGSTOP, "redis")
        await asyncio.sleep(5 if field.short else 10)
        os.kill(pid, signal.SIGCONT)
        field.fault_ended()


async def redis_full(field: Field) -> None:
    """Its limit follows what it uses down to the last byte, so that nearly every write is refused."""
    broker = redis_of(field)
    redis = broker.client
    async with field.load():
        await asyncio.sleep(1.5)
        usual = str((await redis.config_get("maxmemory"))["maxmemory"])
        least = await broker.used_memory()
        begun = time.monotonic()
        while time.monotonic() - begun < (4 if field.short else 10):
            least = min(least, await broker.used_memory())
            await redis.config_set("maxmemory", least)
            await asyncio.sleep(0.1)
        await redis.config_set("maxmemory", usual)
        field.fault_ended()
    field.note(f"Redis refused {broker.refused} entries of the publisher's for want of memory")
    if not broker.refused:
        field.problem("Redis never was full: the row proves nothing")


def redis_of(field: Field) -> RedisBroker:
    assert isinstance(field.broker, RedisBroker)
    return field.broker


NO_REDIS = {
    "azure-stand-ins": "no Redis; the stand-ins keep nothing when they are killed, which Azure's services do"
}
FROZEN_THERE = {"azure-stand-ins": "no Redis; rows store-frozen and bus-frozen are the same"}
FULL_THERE = {"azure-stand-ins": "no memory to fill; rows throttled and busy refuse as well"}
REDIS = [
    Row(
        "f", "Redis SIGKILLed and restarted, AOF everysec", redis_killed_everysec,
        targets=Targets(lost=None),
        why_other_targets="with everysec the last second may be lost with the machine; with the process alone it was not",
        absent=NO_REDIS,
    ),
    Row("f-always", "Redis SIGKILLed and restarted, AOF always", redis_killed_always, absent=NO_REDIS),
    Row("g", "Redis frozen for 10 s", redis_frozen, QUIET, absent=FROZEN_THERE),
    Row("h", "Redis full (noeviction) for 10 s", redis_full, absent=FULL_THERE),
]  # fmt: skip
