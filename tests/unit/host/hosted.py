"""One agent's whole HTTP API over memory twins, without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from agents.runtime.agent import Agent
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from infrastructure.host.app import create_app
from infrastructure.host.service import Service
from infrastructure.host.settings import Settings
from infrastructure.identity.identity import Identity
from infrastructure.testing.platform import PROMPTS, MemoryPlatform

JSON = {"Content-Type": "application/json"}


@dataclass
class Hosted:
    app: FastAPI
    http: httpx.AsyncClient
    platform: MemoryPlatform
    service: Service

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """A JSON body; headers with `_` for `-`. Bytes go as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=content, headers=JSON | named)


@asynccontextmanager
async def hosted(
    agent: Agent,
    *,
    model: LanguageModel | None = None,
    prompts: PromptRegistry | None = None,
    rollout: bool = False,
    identity: Identity | None = None,
    folder: Path = PROMPTS,
    client_host: str = "127.0.0.1:7000",
    **settings: Any,
) -> AsyncIterator[Hosted]:
    given: dict[str, Any] = {"http_patience": 5.0, "prompts": folder, **settings}
    chosen = Settings.model_construct(**given)
    async with MemoryPlatform([agent], model=model, prompts=prompts, rollout=rollout) as platform:
        service = platform.services[agent.name]
        app = create_app(agent, chosen, _no_lifespan, identity)
        app.state.service = service
        app.state.metrics = lambda: (b"# nothing measured\n", "text/plain; version=0.0.4; charset=utf-8")
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{client_host}") as http:
            yield Hosted(app, http, platform, service)


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error, once it is sure that it has the documented form and nothing else."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert sorted(error) == ["code", "details", "message", "timestamp"]
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str)
    assert isinstance(error["details"], dict)
    return error


def sse(text: str) -> Iterator[tuple[str, Any]]:
    """The events of a stream: name and data."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            yield fields["event"], json.loads(fields["data"])


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
