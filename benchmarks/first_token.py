"""How much later than the model a streamed task's first token is there, against the model's server asked directly.

    python -m benchmarks.first_token [--requests 200]

One agent on a sidecar and a Redis of its own; the model is a stand-in that notes when it sends its first piece. One
request after another, then eight at a time. Needs the programs of `agents provision`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.table import Table

from cli.local.provision.run import Wanted, provision
from domain.json import JsonObject
from infrastructure.memory.schema_answer import schema_answer
from tests.support.agent_process import agent_process
from tests.support.processes import daprd, redis_server

SIZE = 8
"""Characters of a piece."""


SHORT: JsonObject = {"response_format": {"json_schema": {"schema": {"type": "string", "minLength": 40}}}}


class Model:
    """Sends an answer in pieces, 5 ms apart, and notes when the first one went, by the number in the request."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        number = body["messages"][-1]["content"].partition("number ")[2].partition(" ")[0]
        answer = json.dumps(schema_answer(body["response_format"]["json_schema"]["schema"]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.sent[number] = time.perf_counter()
        for start in range(0, len(answer), SIZE):
            await response.write(_chunk({"content": answer[start : start + SIZE]}))
            await asyncio.sleep(0.005)
        await response.write(_chunk({}, finish_reason="stop") + b"data: [DONE]\n\n")
        return response

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "tiny-test-model", "object": "model"}]})


def _chunk(delta: dict[str, str], **choice: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, **choice}]})}\n\n".encode()


@asynccontextmanager
async def serving(model: Model) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.chat)
    app.router.add_get("/v1/models", model.models)
    app.router.add_get("/v1/models/{name}", model.models)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def delays(
    model: Model, ask: Callable[[str], Awaitable[float]], count: int, at_once: int, name: str
) -> list[float]:
    """Milliseconds from the model's first piece to the reader's, of each request."""
    slots = asyncio.Semaphore(at_once)

    async def one(number: str) -> float:
        async with slots:
            seen = await ask(number)
        return (seen - model.sent[number]) * 1000

    return await asyncio.gather(*(one(f"{name}-{at_once}-{index}") for index in range(count)))


async def first(session: aiohttp.ClientSession, url: str, body: JsonObject, mark: bytes) -> float:
    """When the first line that begins with `mark` was there."""
    seen = 0.0
    async with session.post(url, json=body) as response:
        response.raise_for_status()
        async for line in response.content:
            if not seen and line.startswith(mark):
                seen = time.perf_counter()

    return seen


async def measure(model: Model, address: str, agent: str, count: int) -> Table:
    table = Table("requests", "at a time", "agent p50 ms", "agent p99 ms", "directly p50 ms", "more p50 ms")
    async with aiohttp.ClientSession() as session:

        async def through_the_agent(number: str) -> float:
            body = {"feature_title": "Reset", "description": f"number {number} is reset"}
            return await first(
                session, f"{agent}/api/test-planning/generate-spec/stream", body, b"event: token"
            )

        async def directly(number: str) -> float:
            body = {"messages": [{"content": f"number {number} is reset"}], **SHORT}
            return await first(session, f"{address}/chat/completions", body, b"data: ")

        await delays(model, through_the_agent, 20, 1, "warm")
        for at_once in (1, 8):
            ours = await delays(model, through_the_agent, count, at_once, "agent")
            theirs = await delays(model, directly, count, at_once, "directly")
            p50, direct = statistics.median(ours), statistics.median(theirs)
            p99 = statistics.quantiles(ours, n=100)[98]
            table.add_row(
                str(count), str(at_once), f"{p50:.1f}", f"{p99:.1f}", f"{direct:.1f}", f"{p50 - direct:.1f}"
            )
    return table


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_token", description=__doc__)
    parser.add_argument("--requests", type=int, default=200)
    given = parser.parse_args()
    programs = await provision(Wanted(), os.environ, Console(stderr=True))
    assert programs.redis_server is not None  # noqa: S101  # wanted
    assert programs.daprd is not None  # noqa: S101
    model = Model()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        async with serving(model) as address:
            redis = stack.enter_context(redis_server(programs.redis_server, folder))
            sidecar = stack.enter_context(daprd(programs.daprd, folder, redis.port))
            started = agent_process("agents.test_planning:AGENT", folder, sidecar, address)
            agent = await asyncio.to_thread(stack.enter_context, started)
            table = await measure(model, address, f"http://127.0.0.1:{agent.port}", given.requests)
            Console().print(table)
            await asyncio.to_thread(stack.close)


if __name__ == "__main__":
    asyncio.run(main())
