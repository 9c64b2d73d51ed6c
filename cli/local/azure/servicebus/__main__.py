"""`python -m cli.local.azure.servicebus PORT ADMIN_PORT TOPOLOGY`: runs until it is ended.

The second port is for tests and for looking in, and no part of Service Bus:

    GET  /health            200 while messages are taken
    GET  /subscriptions     by path: waiting, locked, receivers, counts, most deliveries of one message, dead letters
    POST /faults/outage     ?seconds=5: nobody is let in, everybody is thrown out
    POST /faults/cut        every connection ends once
    POST /faults/busy       ?seconds=5: what is sent is refused as server-busy
    POST /faults/locks      every lock is lost
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from cli.errors import CommandError
from cli.local.azure.amqp.connection import Connection
from cli.local.azure.servicebus.broker import Broker
from cli.local.azure.servicebus.subscription import Subscription
from cli.local.azure.servicebus.topology import read_topology

LOOPBACK = "127.0.0.1"


class Server:
    def __init__(self, broker: Broker, port: int) -> None:
        self.broker = broker
        self._port = port
        self._connections: set[Connection] = set()
        self._listening: asyncio.Server | None = None

    @property
    def listening(self) -> bool:
        return self._listening is not None

    async def start(self) -> None:
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self.broker, self._connections, "service-bus-stand-in"), LOOPBACK, self._port
        )

    async def outage(self, seconds: float) -> None:
        if self._listening is None:
            return
        self._listening.close()
        self._listening = None
        self.cut()
        await asyncio.sleep(seconds)
        await self.start()

    def cut(self) -> None:
        for connection in list(self._connections):
            connection.cut()


def admin(server: Server) -> web.Application:
    broker = server.broker
    outages: set[asyncio.Task[None]] = set()

    async def health(_: web.Request) -> web.Response:
        return web.Response(status=200 if server.listening else 503)

    async def subscriptions(_: web.Request) -> web.Response:
        return web.json_response({path: _described(queue) for path, queue in _queues(broker).items()})

    async def outage(request: web.Request) -> web.Response:
        task = asyncio.create_task(server.outage(_seconds(request)))
        outages.add(task)
        task.add_done_callback(outages.discard)
        return web.Response(status=202)

    async def cut(_: web.Request) -> web.Response:
        server.cut()
        return web.Response(status=202)

    async def busy(request: web.Request) -> web.Response:
        broker.faults.busy_until = asyncio.get_running_loop().time() + _seconds(request)
        return web.Response(status=202)

    async def locks(_: web.Request) -> web.Response:
        return web.json_response({"lost": sum(queue.lose_locks() for queue in _queues(broker).values())})

    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/subscriptions", subscriptions)
    for name, handler in {"outage": outage, "cut": cut, "busy": busy, "locks": locks}.items():
        app.router.add_post(f"/faults/{name}", handler)
    return app


def _queues(broker: Broker) -> dict[str, Subscription]:
    return {one.path: one for topic in broker.topics.values() for one in topic.subscriptions}


def _described(queue: Subscription) -> dict[str, Any]:
    dead = queue.dead_letters.ready if queue.dead_letters is not None else []
    return {
        "waiting": len(queue.ready),
        "locked": queue.locked,
        "receivers": len(queue.links),
        "counts": dict(queue.counts),
        "most_deliveries": queue.most_deliveries,
        "dead_letters": [{"sequence": one.sequence, **(one.reason or {})} for one in dead],
    }


def _seconds(request: web.Request) -> float:
    try:
        return float(request.query.get("seconds", "5"))
    except ValueError:
        raise web.HTTPBadRequest(text="seconds is no number") from None


async def serve(port: int, admin_port: int, topology: Path) -> None:
    server = Server(Broker(read_topology(topology)), port)
    await server.start()
    runner = web.AppRunner(admin(server), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, admin_port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
    except KeyboardInterrupt:
        pass
    except CommandError as problem:
        sys.exit(f"{problem.message}\n  {problem.hint}")
