"""One agent with a sidecar and a Redis of its own, kept as busy as it can be."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from benchmarks.contenders import Contender
from benchmarks.profile.work import Work
from benchmarks.suite.field import Field, Pair
from benchmarks.suite.processes import answers
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import ROOT
from benchmarks.suite.world import LOOPBACK, Redelivery, world
from cli.errors import CommandError

OUTSTANDING = 256
"""Events inside at a time, and what daprd has fetched ahead: more than an app works on."""
CALLERS = 64
WARM_UP = 200
PATIENCE = 30.0
AROUND = 3.0
"""Seconds of load before and after what is recorded."""
UNBOUNDED = 1_000_000


@dataclass
class Bench:
    """The agent at work."""

    ground: Field
    work: Work

    @property
    def pid(self) -> int:
        return self.ground.pair.running_app.pid

    async def warm_up(self) -> None:
        if self.work.template:
            await self.ground.flow("warm", WARM_UP, PATIENCE, template=self.work.template)
        else:
            await self._requests(WARM_UP, time.monotonic() + PATIENCE)

    async def during(self, seconds: float, record: Callable[[], Awaitable[None]]) -> float:
        """Load for the seconds and a little around them; how much was done in a second."""
        lasts = seconds + 2 * AROUND
        load = asyncio.create_task(self._events(lasts) if self.work.template else self._timed(lasts))
        try:
            await asyncio.sleep(AROUND)
            await record()
            return await load
        finally:
            load.cancel()

    async def _events(self, seconds: float) -> float:
        outside, template = self.ground.outside, self.work.template
        await outside.loop("load", UNBOUNDED, OUTSTANDING, seconds=seconds, template=template)
        return (await outside.seen("load", UNBOUNDED, 0)).seen / seconds

    async def _timed(self, seconds: float) -> float:
        return await self._requests(UNBOUNDED, time.monotonic() + seconds) / seconds

    async def _requests(self, most: int, until: float) -> int:
        work, port = self.work, self.ground.pair.app_port
        url = f"http://{LOOPBACK}:{port}/api/{work.agent.name}/{work.task.name}"
        numbers = iter(range(most))
        done = 0

        async def call(session: aiohttp.ClientSession) -> None:
            nonlocal done
            while time.monotonic() < until and next(numbers, None) is not None:
                async with session.post(url, json=work.body) as response:
                    if response.status != 200:
                        raise self.failure(f"answers {response.status}: {(await response.text())[:500]}")
                    await response.read()
                    done += 1

        try:
            async with aiohttp.ClientSession() as session:
                await asyncio.gather(*(call(session) for _ in range(CALLERS)))
        except aiohttp.ClientError as error:
            raise self.failure(f"does not answer ({error})") from error
        return done

    def failure(self, what: str) -> CommandError:
        return CommandError(f"{self.work.agent.name}/{self.work.task.name}: {what}", hint=self.ground.logs())


@asynccontextmanager
async def bench(programs: Programs, work: Work) -> AsyncIterator[Bench]:
    """The agent is ready; it has done nothing yet."""
    publish, watch = work.takes or "benchmarks.unused", ",".join(work.makes)
    async with (
        world(programs, Redelivery.SHIPPED, publish=publish, watch=watch) as around,
        AsyncExitStack() as stack,
    ):
        name = work.agent.name
        contender = Contender(
            name,
            name,
            ("-m", "benchmarks.profile.traceable", work.target),
            ROOT,
            listens=False,
            environment={
                "AGENTS_NOTIFICATION_WEBHOOK_URL": f"http://{LOOPBACK}:{around.outside.port}/forget"
            },
        )
        own = dataclasses.replace(programs, pythons={name: Path(sys.executable)})
        pair = Pair(dataclasses.replace(around, programs=own), contender, 1, app_id=name)
        stack.push_async_callback(pair.kill_sidecar)
        stack.push_async_callback(pair.kill_app)
        await around.outside.answers(work.answers)
        await pair.start_sidecar()
        pair.start_app()
        ready = partial(answers, f"http://{LOOPBACK}:{pair.app_port}/readyz", 200)
        await pair.running_app.ready(ready)
        yield Bench(Field(contender, around, [pair]), work)
