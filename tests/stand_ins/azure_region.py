"""One region of Azure OpenAI as a process of its own, so that it can be killed or stopped.

    python -m tests.stand_ins.azure_region PORT NAME BACKEND

Azure's rules are in front; answers come from BACKEND, a server of chat completions, under the region's name. It serves
until its standard input ends; `POST /stand-in` tells it how to fail and which keys it knows, `GET /stand-in` what it did.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

from domain import json
from tests.stand_ins.azure_openai import AzureOpenAIServer
from tests.stand_ins.openai_server import error

NOTICES = 0.005
"""Seconds in which it sees that a caller has gone who waits no longer: his call is not brought to the backend then."""


@dataclass
class AzureRegion(AzureOpenAIServer):
    """`fault` is what every call meets: `503`, `reset`, `hang`, or nothing."""

    name: str = ""
    backend: str = ""
    backend_key: str = ""
    fault: str = ""
    answered: int = 0
    refused: int = 0

    def routes(self) -> list[web.RouteDef]:
        control = [web.post("/stand-in", self._told), web.get("/stand-in", self._asked)]
        return [*super().routes(), *control]

    def refuse(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        self.requests.clear()
        refusal = super().refuse(request, body)
        self.refused += refusal is not None and refusal.status == 401
        return refusal

    async def forward(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if self.fault == "503":
            return error(503, "The service is temporarily unable to process your request.")
        if self.fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.fault == "hang":
            await asyncio.Event().wait()  # until the caller goes
        for _ in range(2):  # twice: the first one may have ended while the process was stopped
            await asyncio.sleep(NOTICES)
        headers = {"Authorization": f"Bearer {self.backend_key}"}
        session: aiohttp.ClientSession = request.app["session"]
        async with session.post(f"{self.backend}/chat/completions", json=body, headers=headers) as answer:
            content, status = await answer.read(), answer.status
        self.answered += status == 200
        whole = {**json.parse(content), "model": f"gpt-in-{self.name}"} if status == 200 else None
        return web.Response(
            body=json.dump(whole) if whole else content, status=status, content_type="application/json"
        )

    async def _told(self, request: web.Request) -> web.Response:
        told = json.parse(await request.read())
        self.fault = told.get("fault", self.fault)
        self.keys = told.get("keys", self.keys)
        return web.Response(status=204)

    async def _asked(self, _: web.Request) -> web.Response:
        return web.json_response({"answered": self.answered, "refused": self.refused})


async def serve(port: int, name: str, backend: str, backend_key: str) -> None:
    region = AzureRegion(name=name, backend=backend, backend_key=backend_key)
    region.usual = region.forward
    app = web.Application(client_max_size=8 * 2**20)
    app.add_routes(region.routes())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app["session"] = session
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_address=True).start()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
        print("serving", flush=True)  # noqa: T201  # read by who started it
        await ended.wait()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), *sys.argv[2:5]))
