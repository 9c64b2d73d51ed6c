"""Web pages of other origins, where `AGENTS_CORS_ORIGINS` names them. Without it there is no CORS, and none of this is imported.

Credentials travel in a header that the page itself sets, never in cookies: so no answer allows those.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "DELETE")
ASKED = ("Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-Correlation-ID", "traceparent")
"""Headers that a page may send."""
TOLD = ("Location", "Retry-After", "WWW-Authenticate")
"""Headers that it may read."""
MAX_AGE = 600
"""Seconds for which a browser need not ask again."""


class Cors:
    """ASGI middleware, the outermost: a browser asks beforehand (OPTIONS) without credentials. Whoever else asks gets what is behind it."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._cors = CORSMiddleware(
            app,
            allow_origins=sorted(origins),
            allow_methods=METHODS,
            allow_headers=ASKED,
            expose_headers=TOLD,
            max_age=MAX_AGE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] == "http" and Headers(scope=scope).get("origin") in self._origins
        await (self._cors if known else self._app)(scope, receive, send)
