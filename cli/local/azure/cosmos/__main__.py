"""`python -m cli.local.azure.cosmos PORT ACCOUNT`: runs until it is ended.

What begins with /stand-in is for tests and for looking in, and no part of Cosmos DB:

    GET  /stand-in/health       200
    GET  /stand-in/counts       answers by method and status, and how many documents there are
    POST /stand-in/faults       ?status=429&seconds=5&share=1: that share of the calls on documents fails so
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from aiohttp import web

from cli.errors import CommandError
from cli.local.azure.cosmos.container import read_account
from cli.local.azure.cosmos.server import MAX_BODY, Faults, Service

LOOPBACK = "127.0.0.1"


def application(service: Service) -> web.Application:
    async def health(_: web.Request) -> web.Response:
        return web.Response()

    async def counts(_: web.Request) -> web.Response:
        documents = sum(len(container) for container in service.containers.values())
        return web.json_response({"documents": documents, "answers": dict(service.counts)})

    async def faults(request: web.Request) -> web.Response:
        asked = request.query
        try:
            seconds, share = float(asked.get("seconds", "5")), float(asked.get("share", "1"))
            service.faults = Faults(time.monotonic() + seconds, int(asked.get("status", "429")), share)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.Response(status=202)

    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get("/stand-in/health", health)
    app.router.add_get("/stand-in/counts", counts)
    app.router.add_post("/stand-in/faults", faults)
    app.router.add_route("*", "/{path:.*}", service.handle)
    return app


async def serve(port: int, account: Path) -> None:
    runner = web.AppRunner(application(Service(read_account(account))), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
    except KeyboardInterrupt:
        pass
    except CommandError as problem:
        sys.exit(f"{problem.message}\n  {problem.hint}")
