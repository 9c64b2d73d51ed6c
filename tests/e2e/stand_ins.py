"""What lies outside the system under test: a model server and a webhook receiver, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from domain import json
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer
from tests.support.planted import plant

WEBHOOK_CODE = plant("AGENTS_NOTIFICATION_WEBHOOK_URL", "planted7hook5BnC8xLd")


@dataclass
class StandIns:
    """`posts` are the webhook's (headers, body) in order of arrival; `model` counts its requests."""

    model: OpenAIServer = field(default_factory=OpenAIServer)
    posts: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    port: int = 0
    model_delay: float = 0.0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.port}/v1",
            "OPENAI_API_KEY": KEY,
            "OPENAI_MODEL": MODEL,
            "AGENTS_NOTIFICATION_WEBHOOK_URL": f"http://127.0.0.1:{self.port}/hook?code={WEBHOOK_CODE}",
        }

    def posts_of(self, correlation_id: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
        return [post for post in list(self.posts) if post[1]["correlation_id"] == correlation_id]

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._slowed])
        app.router.add_routes([*self.model.routes(), web.post("/hook", self._hook)])
        return app

    async def _hook(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), json.parse(await request.read())))
        return web.Response(status=204)

    @web.middleware
    async def _slowed(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.endswith("/completions"):
            await asyncio.sleep(self.model_delay)
        response: web.StreamResponse = await handler(request)
        return response


@contextmanager
def stand_ins() -> Iterator[StandIns]:
    running = StandIns()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> web.AppRunner:
        runner = web.AppRunner(running.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        running.port = runner.addresses[0][1]
        ready.set()
        return runner

    def work() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    yield running
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
