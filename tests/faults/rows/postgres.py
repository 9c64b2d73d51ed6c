"""PostgreSQL dies or freezes, with all its sessions, while Redis goes on giving out events."""

from __future__ import annotations

import asyncio

from tests.faults.components.postgres import OnPostgres
from tests.faults.field import Field
from tests.faults.rows.row import Row
from tests.support.postgres import Postgres

AWAY, FROZEN = 1.0, 10.0
"""Seconds for which it is gone after a kill, and stands still."""


async def postgres_killed(field: Field) -> None:
    server, kills = _server(field), 0
    async with field.load():
        while field.publishing or not kills:
            await asyncio.sleep(field.rng.uniform(1.0, 3.0))
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(AWAY)
            await asyncio.to_thread(server.start)
            field.fault_ended()
            kills += 1
    field.note(f"{kills} kills, each time away for {AWAY:.0f} s and its recovery")
    await field.working_again()


async def postgres_frozen(field: Field) -> None:
    server = _server(field)
    async with field.load():
        await asyncio.sleep(1.5)
        server.freeze()
        try:
            await asyncio.sleep(FROZEN / 2 if field.short else FROZEN)
        finally:
            server.thaw()
        field.fault_ended()
    await field.working_again()


def _server(field: Field) -> Postgres:
    components = field.system.components
    assert isinstance(components, OnPostgres)
    return components.server


NO_POSTGRES = {
    "redis": "no PostgreSQL; rows f and g",
    "azure-stand-ins": "no PostgreSQL; rows throttled to store-frozen",
}
POSTGRES = [
    Row("pg-killed", "PostgreSQL SIGKILLed and started again, every 1 to 3 s", postgres_killed, absent=NO_POSTGRES),
    Row("pg-frozen", "PostgreSQL silent for 10 s", postgres_frozen, absent=NO_POSTGRES),
]  # fmt: skip
