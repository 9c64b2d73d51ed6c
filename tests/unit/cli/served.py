"""Agents in memory behind their real HTTP API, in a thread of their own: what the commands talk to."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import uvicorn
import yaml
from fastapi import FastAPI

from agents.runtime.agent import Agent
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from infrastructure.host.app import create_app
from infrastructure.host.journal import NotedPublisher
from infrastructure.host.service import Service
from infrastructure.host.settings import Settings
from infrastructure.testing.platform import MemoryPlatform

Result = TypeVar("Result")


class Served:
    """`project` gets a dapr.yaml with the ports that were taken; `publish_port` stands for the sidecars' HTTP port."""

    def __init__(
        self,
        agents: Sequence[Agent],
        project: Path,
        *,
        publish_port: int = 1,
        prompts: PromptRegistry | None = None,
        model: LanguageModel | None = None,
        rollout: bool = False,
    ) -> None:
        self.project = project
        self._agents = agents
        self._sockets = [socket.create_server(("127.0.0.1", 0)) for _ in agents]
        self._servers: dict[str, _Server] = {}
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.platform = _NotedPlatform(agents, prompts=prompts, model=model, rollout=rollout)
        write_manifest(
            project,
            [agent.name for agent in agents],
            [s.getsockname()[1] for s in self._sockets],
            publish_port,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)

    def stop(self, agent: str) -> None:
        """As if the agent were killed: its port answers no more."""
        self.run(self._servers[agent].end)

    def restart(self, agent: str) -> None:
        """The same service behind the same port, with every connection broken."""
        self.stop(agent)
        server = self._servers[agent]
        again = _Server(server.config, socket.create_server(server.address))
        self._servers[agent] = again
        self.run(again.begin)

    def run(self, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Run a coroutine where the agents run."""
        return asyncio.run_coroutine_threadsafe(make(), self._loop).result(20)

    def quiet(self) -> None:
        """All is done, published, and marked as such: the marks follow a moment later."""
        self.run(self._settle)

    async def _settle(self) -> None:
        await self.platform.quiet()
        for service in self.platform.services.values():
            await service.runner._publication.flush()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self.platform as platform:
            for agent, listening in zip(self._agents, self._sockets, strict=True):
                app = create_app(agent, Settings(http_patience=5.0, _env_file=None), _no_lifespan)
                app.state.service = platform.services[agent.name]
                config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=0)
                self._servers[agent.name] = server = _Server(config, listening)
                await server.begin()
            self._ready.set()
            await self._over.wait()
            for server in self._servers.values():
                await server.end()


class _Server(uvicorn.Server):
    """Serves on a socket that is bound already, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self.address: tuple[str, int] = listening.getsockname()
        self._listening = listening
        self._serving: asyncio.Task[None]

    async def begin(self) -> None:
        self._serving = asyncio.create_task(self._serve(sockets=[self._listening]))
        while not self.started:  # noqa: ASYNC110  # uvicorn tells by this flag alone
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """As a kill does it: connections break in the middle."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        self.should_exit = True
        await self._serving


class _NotedPlatform(MemoryPlatform):
    """Publications are noted in the journals, as in the composition root."""

    def service(self, agent: Agent) -> Service:
        made = super().service(agent)
        noted = NotedPublisher(self.broker, made.journal)
        ports = dataclasses.replace(made.ports, publisher=noted)
        return Service(agent, ports, made.timing, made.owner, made.journal, rollout=made.rollout)


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def write_manifest(project: Path, names: list[str], ports: list[int], publish_port: int) -> None:
    apps = [
        {
            "appID": name,
            "appDirPath": ".",
            "appPort": port,
            "daprHTTPPort": publish_port if index == 0 else 40_000 + index,
            "daprGRPCPort": 41_000 + index,
            "metricsPort": 42_000 + index,
            "daprInternalGRPCPort": 43_000 + index,
            "command": ["python", "-m", "infrastructure.host", f"agents.{name}:AGENT"],
        }
        for index, (name, port) in enumerate(zip(names, ports, strict=True))
    ]
    (project / "dapr.yaml").write_text(yaml.safe_dump({"version": 1, "apps": apps}))
