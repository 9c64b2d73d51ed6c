"""`python -m tests.faults.outside COMPONENTS OFFSET SEED`: serve until the standard input ends; says its ports on one line."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from email.parser import BytesHeaderParser
from functools import partial
from threading import Thread
from typing import Any

import uvloop
from aiohttp import web
from aiosmtpd.smtp import SMTP

from domain import json
from tests.faults.components import COMPONENTS, Components
from tests.faults.outside.chains import Seen
from tests.faults.outside.model import Model
from tests.faults.outside.tail import note


class Outside:
    def __init__(self, seed: int) -> None:
        self.seen = Seen()
        self.model = Model(self.seen, random.Random(seed))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=16 * 2**20)
        app.add_routes(
            [
                *self.model.routes(),
                web.post("/hook", self._hook),
                web.post("/behave", self._behave),
                web.get("/figures/{run}", self._figures),
                web.get("/progress/{run}", self._progress),
                web.get("/kept/{run}", self._kept),
                web.get("/steps/{run}", self._steps),
            ]
        )
        return app

    async def _hook(self, request: web.Request) -> web.Response:
        raw = await request.read()
        body = json.parse(raw)
        key = request.headers["Idempotency-Key"]
        self.seen.effect(str(body["correlation_id"]), key, raw, time.monotonic())
        return web.Response(status=204)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """The sender still lives when it hears this answer; its mail may be read here when it has been killed."""
        envelope.begun = time.monotonic()
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        raw: bytes = envelope.original_content or b""
        headers = BytesHeaderParser().parsebytes(raw)
        text = raw.partition(b"\r\n\r\n")[2] + str(headers["Subject"]).encode()
        self.seen.effect(str(headers["X-Correlation-ID"]), str(headers["Message-ID"]), text, envelope.begun)
        return "250 kept"

    async def _behave(self, request: web.Request) -> web.Response:
        wanted = json.parse(await request.read())
        if "delay" in wanted:
            low, high = wanted["delay"]
            self.model.delay = (low, high)
        self.model.faults |= wanted.get("faults", {})
        self.seen.kept |= {run: [] for run in wanted.get("keep", [])}
        return web.Response(status=204)

    async def _figures(self, request: web.Request) -> web.Response:
        since = float(request.query.get("since", 0))
        figures = self.seen.figures(request.match_info["run"], since)
        return web.Response(
            body=json.dump({**figures, "last_fault": self.model.last_fault, "unknown": self.seen.unknown})
        )

    async def _kept(self, request: web.Request) -> web.Response:
        kept = self.seen.kept[request.match_info["run"]]
        return web.Response(body=json.dump([[topic, raw.decode()] for topic, raw in kept]))

    async def _steps(self, request: web.Request) -> web.Response:
        return web.Response(body=json.dump(self.seen.steps(request.match_info["run"])))

    async def _progress(self, request: web.Request) -> web.Response:
        """Cheap, asked often."""
        run = request.match_info["run"]
        chains = self.seen.runs.get(run, {}).values()
        done = sum(1 for chain in chains if chain.effects)
        letters = len(self.seen.dead_letters)
        return web.Response(
            body=json.dump({"done": done, "events": len(self.seen.events_at[run]), "dead_letters": letters})
        )


async def serve(components: Components, offset: int, seed: int) -> None:
    outside = Outside(seed)
    runner = web.AppRunner(outside.app(), access_log=None, handler_cancellation=False, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(
        lambda: SMTP(outside, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0, backlog=1024
    )
    tail = _tail(components, offset, outside.seen)
    told_to_end = asyncio.Event()
    loop.add_reader(sys.stdin, told_to_end.set)
    ports = {"http": runner.addresses[0][1], "smtp": mail.sockets[0].getsockname()[1]}
    print(json.dump(ports).decode(), flush=True)  # noqa: T201  # read by who started it
    until: list[asyncio.Future[Any]] = [tail, asyncio.create_task(told_to_end.wait())]
    await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
    if tail.done():
        tail.result()  # a ledger that sees half of it would call anything well
    mail.close()
    await runner.cleanup()


def _tail(components: Components, offset: int, seen: Seen) -> asyncio.Future[None]:
    """In a thread: while it reads messages by the hundred, the model still answers. It ends with the process, or in an error."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def noted(message: bytes, at: float) -> None:
        loop.call_soon_threadsafe(partial(note, seen, message, at))

    def follow() -> None:
        try:
            asyncio.run(components.follow(noted, offset))
        except Exception as error:  # noqa: BLE001  # told to who waits for it
            loop.call_soon_threadsafe(ended.set_exception, error)

    Thread(target=follow, daemon=True).start()
    return ended


if __name__ == "__main__":
    uvloop.run(serve(COMPONENTS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])))
