"""What stands around the contender: a fresh Redis, the outside, and the control plane where one is needed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

import yaml

from benchmarks.contenders.temporal_server import temporal_server
from benchmarks.suite.outside import Outside
from benchmarks.suite.processes import Process, accepts, answers
from benchmarks.suite.programs import Programs
from cli.local.ports import free_ports

_WITHIN = Path("components", "redis")
COMPONENTS = Path(__file__).parents[2] / _WITHIN
LOOPBACK = "127.0.0.1"
APP_ID = "implementation"


class Redelivery(StrEnum):
    """When the broker offers an unanswered event again."""

    SHIPPED = "shipped"
    """components/redis: what was pending for 3 s, looked for every second."""
    DEFAULT = "default"
    """Dapr's: what was pending for 60 s, looked for every 15 s."""


@dataclass
class World:
    """What a field's processes share. `control_plane` runs beside daprd and is counted apart."""

    folder: Path
    programs: Programs
    redis_port: int
    redis: Process
    outside: Outside
    components: Path
    control_plane: list[Process] = field(default_factory=list)
    placement: str = ""
    scheduler: str = ""
    temporal: str = ""

    async def sidecar(
        self, name: str, ports: tuple[int, int], app_port: int | None, *, app_id: str = APP_ID
    ) -> Process:
        """A daprd that serves its own API; whether its app is there already is another matter."""
        http, grpc = ports
        internal, metrics = free_ports(2)
        flags: dict[str, object] = {
            "app-id": app_id,
            "dapr-http-port": http,
            "dapr-grpc-port": grpc,
            "dapr-internal-grpc-port": internal,
            "dapr-internal-grpc-listen-address": LOOPBACK,
            "dapr-listen-addresses": LOOPBACK,
            "metrics-port": metrics,
            "metrics-listen-address": LOOPBACK,
            "log-level": "warn",
            "config": self.components / "config.yaml",
            "resources-path": self.components,
            "max-body-size": "600Mi",  # as dapr.yaml has it, which says why
            "placement-host-address": self.placement,
            "scheduler-host-address": self.scheduler,
        }
        if app_port is not None:
            flags["app-port"] = app_port
        # mDNS would give out this machine's outer address, where nothing listens.
        environment = {"DAPR_HOST_IP": LOOPBACK, "NO_PROXY": "*"}
        process = Process(name, _argv(self.programs.daprd, flags), self.folder, env=environment)
        try:
            await process.ready(partial(answers, f"http://{LOOPBACK}:{http}/v1.0/healthz/outbound", 204))
        except BaseException:
            await process.kill()
            raise
        return process

    async def start_control_plane(self) -> None:
        """Placement and scheduler, which workflows need."""
        placement, placement_health, placement_metrics, raft = free_ports(4)
        scheduler, scheduler_health, scheduler_metrics, client, peer = free_ports(5)
        self.placement, self.scheduler = f"{LOOPBACK}:{placement}", f"{LOOPBACK}:{scheduler}"
        await self._control(
            "placement",
            self.programs.placement,
            (placement, placement_health, placement_metrics),
            {"initial-cluster": f"dapr-placement-0={LOOPBACK}:{raft}"},
        )
        await self._control(
            "scheduler",
            self.programs.scheduler,
            (scheduler, scheduler_health, scheduler_metrics),
            {
                "etcd-data-dir": self.folder / "etcd",
                "etcd-client-port": client,
                "etcd-initial-cluster": f"dapr-scheduler-server-0=http://{LOOPBACK}:{peer}",
                "override-broadcast-host-port": self.scheduler,
            },
        )

    async def start_temporal(self) -> None:
        assert self.programs.temporal is not None  # noqa: S101 - provided for whoever needs it
        server = temporal_server(self.programs.temporal, self.folder)
        self.temporal = server.address
        process = Process("temporal", server.command, self.folder)
        self.control_plane.append(process)
        await process.ready(partial(asyncio.to_thread, server.ready), seconds=90)

    async def _control(
        self, name: str, program: Path, ports: tuple[int, int, int], flags: dict[str, object]
    ) -> None:
        port, health, metrics = ports
        common: dict[str, object] = {
            "port": port,
            "listen-address": LOOPBACK,
            "healthz-port": health,
            "healthz-listen-address": LOOPBACK,
            "metrics-port": metrics,
            "metrics-listen-address": LOOPBACK,
            "log-level": "warn",
        }
        process = Process(name, _argv(program, common | flags), self.folder)
        self.control_plane.append(process)
        await process.ready(partial(answers, f"http://{LOOPBACK}:{health}/healthz", 200))

    async def end_control_plane(self) -> None:
        for process in self.control_plane:
            await process.kill()


@asynccontextmanager
async def world(
    programs: Programs, redelivery: Redelivery, *, publish: str, watch: str, components: Path = COMPONENTS
) -> AsyncIterator[World]:
    """Topics: where the outside puts events, and where (`a,b`) it counts what comes out. All is gone afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agents-bench-")))
        (port,) = free_ports(1)
        # As `agents up` starts it: nothing is lost with the process, at most a second with the machine.
        durability = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
        where = ("--port", str(port), "--bind", LOOPBACK, "--dir", folder)
        redis = Process("redis", [programs.redis_server, *where, *durability], folder)
        stack.push_async_callback(redis.kill)
        await redis.ready(partial(accepts, port))
        outside = Outside.start(programs.outside, folder, f"{LOOPBACK}:{port}", publish, watch)
        stack.push_async_callback(outside.process.kill)
        await outside.ready()
        made = World(
            folder, programs, port, redis, outside, _components(components, folder, port, redelivery)
        )
        stack.push_async_callback(made.end_control_plane)
        yield made


def components_of(tree: Path) -> Path:
    """What this version of the product ships; ours where the folder is no version of it."""
    own = tree / _WITHIN
    return own if own.is_dir() else COMPONENTS


def _argv(program: Path, flags: dict[str, object]) -> list[str | Path]:
    return [program, *(f"--{flag}={value}" for flag, value in flags.items())]


def _components(shipped: Path, folder: Path, redis_port: int, redelivery: Redelivery) -> Path:
    """The shipped components, pointed at this Redis; without the redelivery times where Dapr's own are wanted."""
    target = folder / "components"
    target.mkdir()
    for file in shipped.glob("*.yaml"):
        document = yaml.safe_load(file.read_text().replace("127.0.0.1:6379", f"{LOOPBACK}:{redis_port}"))
        if redelivery is Redelivery.DEFAULT and document["spec"].get("type") == "pubsub.redis":
            document["spec"]["metadata"] = [
                entry
                for entry in document["spec"]["metadata"]
                if entry["name"] not in {"processingTimeout", "redeliverInterval"}
            ]
        (target / file.name).write_text(yaml.safe_dump(document))
    return target
