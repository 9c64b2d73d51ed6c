"""Who may call: the sidecar's token on the sidecar's routes, on every route when bound beyond loopback."""

from __future__ import annotations

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.host.errors import error_response

OPEN = {"/healthz", "/readyz"}
"""Probes carry no token."""
SIDECAR_ONLY = ("/dapr/", "/job/")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}


class Guard:
    """ASGI middleware.

    On loopback `/api/*` needs no token, but only under a loopback name: a web page that rebinds its own name to
    127.0.0.1 is refused.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self._app = app
        self._token = token
        self._loopback = is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                status, code, message = refusal
                await error_response(status, code, message)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str, str] | None:
        if path in OPEN:
            return None
        if self._loopback and _name(headers.get("host", "")) not in _LOCAL_NAMES:
            return (
                403,
                "foreign_host",
                "this agent listens on loopback and answers to 127.0.0.1 and localhost only",
            )
        if self._loopback and not path.startswith(SIDECAR_ONLY):
            return None
        if self._token is None:
            return None if self._loopback else (401, "unauthorized", "APP_API_TOKEN is not set")
        given = headers.get("dapr-api-token") or headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return None
        return (
            401,
            "unauthorized",
            "send the APP_API_TOKEN in the header dapr-api-token, or as Authorization: Bearer …",
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host_header: str) -> str:
    return (
        host_header.removeprefix("[").partition("]")[0]
        if host_header.startswith("[")
        else host_header.partition(":")[0]
    )
