"""Runs rows on as few starts of the system as their options allow, and asks again for what came late."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.faults.components import Components
from tests.faults.field import Field
from tests.faults.figures import Figures
from tests.faults.outside.client import OutsideWorld, outside_world
from tests.faults.proxy import proxies
from tests.faults.regions import models_of, regions
from tests.faults.rows import Row
from tests.faults.system import FaultSystem, Options

LATE = 5.0
"""Seconds after the last row: longer than a redelivery takes, so that a late double is seen."""

PATIENCE = 60.0
"""Seconds in which what a row left in work has to end."""


class Suite:
    """`run` one row after the other; rows with the same options share a start. Close it in the end."""

    def __init__(self, system: FaultSystem, outside: OutsideWorld, say: Callable[[str], None]) -> None:
        self._system, self._outside, self._say = system, outside, say
        self.programs: dict[str, str] = {}
        """Versions of what was attacked."""
        self._options: Options | None = None
        self._stack = AsyncExitStack()
        self._fields: list[tuple[Row, Field]] = []

    async def run(self, row: Row, *, chains: int, seed: int) -> Figures:
        await self._start(row.options)
        self._say(f"{row.name}: {row.title}, {chains} chains")
        broker = self._system.components.broker(self._system.offset)
        field = Field(row.name, self._system, self._outside, broker, chains=chains, seed=seed, say=self._say)
        self._system.kills.clear()
        restarts = {name: one["restarts"] for name, one in self._system.status().items()}
        try:
            given_up = await broker.given_up()
            if row.options.wrapped:
                field.proxies = self._proxies
            field.regions = self._regions
            await row.attack(field)
            await field.drained()  # by the ledger, too
            figures = field.count()
            if given_up is not None:
                figures.given_up = (await broker.given_up() or 0) - given_up
        finally:
            await broker.close()
        figures.kills = sum(self._system.kills.values())
        figures.died = self._system.died(restarts)
        figures.judge(replace(row.targets, back=None) if field.short else row.targets)
        self._fields.append((row, field))
        self._say(str(figures))
        if figures.problems:
            self._say(await asyncio.to_thread(self._system.last_words))
        return figures

    async def late(self) -> list[str]:
        """What became visible only after its row had been counted."""
        if self._fields:
            await asyncio.sleep(LATE)
        found = []
        for row, field in self._fields:
            if later := field.later_doubles():
                found.append(f"{row.name}: seen twice later on: {'; '.join(later)}")
        return found

    async def close(self) -> None:
        await self._stack.aclose()
        await asyncio.to_thread(self._system.down)

    async def _let_it_end(self) -> None:
        """A notification that was sent and is not recorded yet would come again under the next options, by another channel."""
        broker = self._system.components.broker(self._system.offset)
        try:
            async with asyncio.timeout(PATIENCE):
                while await broker.left() != 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        finally:
            await broker.close()

    async def _start(self, options: Options) -> None:
        if options == self._options:
            return
        began = time.monotonic()
        if self._options is not None:
            await self._let_it_end()
            await self.close()
        self._options = None
        channel = self._outside.webhook if options.channel == "webhook" else {}
        self._proxies = []
        if options.wrapped:
            ports = self._system.expected_grpc_ports()
            self._proxies = await self._stack.enter_async_context(proxies(ports))
        model = self._outside.environment
        self._regions = []
        if options.regions:
            self._regions = await self._stack.enter_async_context(regions(self._outside))
            model |= models_of(self._regions, self._system.project / "models.yaml")
        await asyncio.to_thread(self._system.up, options, {**model, **channel})
        self._options = options
        self.programs = self._system.programs()
        self._say(f"started with {options} in {time.monotonic() - began:.1f} s")


@asynccontextmanager
async def suite(
    seed: int, say: Callable[[str], None], components: Components, folder: Path | None = None
) -> AsyncIterator[Suite]:
    """Logs and data go into the folder, which must be empty and stays; without one they are thrown away."""
    with tempfile.TemporaryDirectory(prefix="faults-") as passing:
        place = folder or Path(passing)
        async with components.beside(place) as environment:
            system = FaultSystem(place, components, environment)
            with outside_world(components.name, system.offset, seed) as outside:
                running = Suite(system, outside, say)
                try:
                    yield running
                finally:
                    await running.close()
