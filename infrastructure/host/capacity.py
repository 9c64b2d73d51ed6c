"""How many requests are served at once: beyond that a caller is told to come back, before its body is read."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.host.errors import respond
from infrastructure.host.requests import HttpError
from infrastructure.host.security import OPEN

LIMIT = 512
"""Callers that wait for results and streams among them. Each may hold a body of AGENTS_MAX_BODY_BYTES in memory."""


class Capacity:
    """ASGI middleware. Probes are always answered: a busy process is no broken one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._serving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
        elif self._serving >= LIMIT:
            error = HttpError(503, "busy", f"{LIMIT} requests are being served: try again", retry_after=1)
            await respond(error)(scope, receive, send)
        else:
            self._serving += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._serving -= 1
