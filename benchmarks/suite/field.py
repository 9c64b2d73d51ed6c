"""One contender's own world, with its pairs of app and sidecar."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.contenders import Contender
from benchmarks.suite.outside import TEMPLATE, Outside
from benchmarks.suite.processes import Process
from benchmarks.suite.programs import Programs
from benchmarks.suite.world import APP_ID, Redelivery, World, components_of, world
from cli.errors import CommandError
from cli.local.ports import free_ports
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated

TOLERATED = 0.02
"""Share of a run's events that may be missing: one that the app or its sidecar let go comes again later."""
SURELY = 75.0
"""Seconds: more than Dapr's own redelivery takes, which the first event may have to wait for."""


class Pair:
    """One app and its sidecar; each can be killed and started again at the same ports."""

    def __init__(self, world: World, contender: Contender, number: int, *, app_id: str = APP_ID) -> None:
        self._world, self._contender, self._number = world, contender, number
        self._app_id = app_id
        self.app_port, self._http, self._grpc = free_ports(3)
        self.app: Process | None = None
        self.sidecar: Process | None = None

    @property
    def running_app(self) -> Process:
        assert self.app is not None  # noqa: S101 - whoever asks has started it
        return self.app

    async def start_sidecar(self) -> None:
        app_port = self.app_port if self._contender.listens else None
        name = f"daprd-{self._app_id}-{self._number}"
        ports = self._http, self._grpc
        self.sidecar = await self._world.sidecar(name, ports, app_port, app_id=self._app_id)

    def start_app(self) -> None:
        contender, world = self._contender, self._world
        self.app = Process(
            f"{contender.name}-{self._number}",
            [contender.interpreter or world.programs.pythons[contender.name], *contender.command],
            world.folder,
            cwd=contender.folder,
            env={
                "APP_ID": self._app_id,
                "APP_PORT": str(self.app_port),
                "DAPR_HTTP_PORT": str(self._http),
                "DAPR_GRPC_PORT": str(self._grpc),
                "OPENAI_BASE_URL": world.outside.base_url,
                "OPENAI_API_KEY": "unused",
                "OPENAI_MODEL": "bench",
                "LLM_PROVIDER": "openai",
                "NO_PROXY": "*",
                "OTEL_SDK_DISABLED": "true",
                "AGENTS_LOG_LEVEL": "warning",
                "TEMPORAL_ADDRESS": world.temporal,
                **contender.environment,
            },
        )

    async def kill(self, *, sidecar: bool = False) -> int:
        """SIGKILL the app, or both, and start them again at once; when that was, in ns since 1970."""
        at = time.time_ns()
        await self.kill_app()
        if sidecar:
            await self.kill_sidecar()
        self.start_app()
        if sidecar:
            await self.start_sidecar()
        return at

    async def kill_app(self) -> None:
        if self.app is not None:
            await self.app.kill()
            self.app = None

    async def kill_sidecar(self) -> None:
        if self.sidecar is not None:
            await self.sidecar.kill()
            self.sidecar = None


@dataclass
class Field:
    contender: Contender
    world: World
    pairs: list[Pair]

    @property
    def outside(self) -> Outside:
        return self.world.outside

    @property
    def pair(self) -> Pair:
        return self.pairs[0]

    async def start_apps(self, events: int) -> None:
        """All up, and every one warm."""
        for pair in self.pairs:
            pair.start_app()
        await self.flow("up", 1, SURELY)  # the first is there
        await asyncio.sleep(0 if len(self.pairs) == 1 else 3)  # so are the others
        await self.flow("warm", events * len(self.pairs), SURELY)

    async def flow(self, run: str, events: int, patience_s: float, *, template: str = TEMPLATE) -> int:
        """Offer them at once and wait for what comes of them; as `missing`."""
        await self.outside.burst(run, events, template=template)
        return await self.missing(run, events, patience_s)

    async def missing(self, run: str, events: int, patience_s: float) -> int:
        """How many results had not come when nothing had moved for so long; CommandError where that is not just a few."""
        missing = events - (await self.outside.seen(run, events, patience_s)).seen
        if missing > events * TOLERATED:
            raise CommandError(
                f"{self.contender.name}: {missing} of {events} events did not come out", hint=self.logs()
            )
        return missing

    def logs(self) -> str:
        """How the logs end, for whoever has to find out why nothing comes out."""
        roles = self._roles()
        return "\n".join(one.last_words() for role in ("app", "sidecar") for one in roles[role])

    def cpu_ms(self) -> dict[str, float]:
        """So far, by role."""
        return {role: sum(one.cpu_ms() for one in processes) for role, processes in self._roles().items()}

    def rss_mb(self) -> dict[str, float]:
        return {role: sum(one.rss_mb() for one in processes) for role, processes in self._roles().items()}

    def _roles(self) -> dict[str, list[Process]]:
        return {
            "app": [pair.app for pair in self.pairs if pair.app],
            "sidecar": [pair.sidecar for pair in self.pairs if pair.sidecar],
            "control_plane": self.world.control_plane,
            "redis": [self.world.redis],
            "outside": [self.outside.process],
        }


@asynccontextmanager
async def field(
    programs: Programs, contender: Contender, redelivery: Redelivery, *, replicas: int = 1
) -> AsyncIterator[Field]:
    """Everything is up but the apps: whoever measures starts them."""
    topics = {"publish": SpecGenerated.event_type, "watch": CodeGenerated.event_type}
    components = components_of(contender.folder)
    async with (
        world(programs, redelivery, components=components, **topics) as around,
        AsyncExitStack() as stack,
    ):
        if contender.workflow:
            await around.start_control_plane()
        if contender.temporal:
            await around.start_temporal()
        pairs = [Pair(around, contender, number) for number in range(1, replicas + 1)]
        for pair in pairs:
            stack.push_async_callback(pair.kill_sidecar)
            stack.push_async_callback(pair.kill_app)
            await pair.start_sidecar()
        yield Field(contender, around, pairs)
