"""Agents in memory behind their real HTTP server: uvicorn with our protocol, on a socket, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from agents.runtime.agent import Agent
from domain.ports.channel import NotificationChannel
from infrastructure.host.app import create_app
from infrastructure.host.protocol import BoundedProtocol
from infrastructure.host.settings import Settings
from infrastructure.memory.channel import MemoryChannel
from infrastructure.testing.platform import MemoryPlatform


@contextmanager
def serving(agents: Sequence[Agent], **settings: Any) -> Iterator[dict[str, int]]:
    """The port of each agent by its name."""
    sockets = {agent.name: socket.create_server(("127.0.0.1", 0)) for agent in agents}
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with MemoryPlatform(agents, effects={NotificationChannel: MemoryChannel()}) as platform:
            servers = []
            for agent in agents:
                app = create_app(
                    agent, Settings.model_construct(**({"http_patience": 5.0} | settings)), _none
                )
                app.state.service = platform.services[agent.name]
                app.state.metrics = lambda: (b"# nothing measured\n", "text/plain; version=0.0.4")
                servers.append(
                    uvicorn.Server(
                        uvicorn.Config(
                            app,
                            http=BoundedProtocol,
                            ws="none",
                            lifespan="off",
                            log_config=None,
                            access_log=False,
                            timeout_graceful_shutdown=0,
                        )
                    )
                )
            tasks = [
                asyncio.create_task(server._serve(sockets=[sockets[agent.name]]))
                for server, agent in zip(servers, agents, strict=True)
            ]
            while not all(server.started for server in servers):  # noqa: ASYNC110  # uvicorn tells by this flag alone
                await asyncio.sleep(0.01)
            ready.set()
            await over.wait()
            for server in servers:
                server.should_exit = True
            await asyncio.wait(tasks)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield {name: one.getsockname()[1] for name, one in sockets.items()}
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(60)


@asynccontextmanager
async def _none(_: FastAPI) -> AsyncIterator[None]:
    yield
