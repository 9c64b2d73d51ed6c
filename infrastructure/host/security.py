"""Who may call: the sidecar's token on the sidecar's routes, on every route when bound beyond loopback."""

from __future__ import annotations

import hmac
import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.host.errors import error_response

OPEN = {"/healthz", "/readyz"}
"""Probes carry no token."""
SIDECAR_ONLY = ("/dapr/", "/job/")
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[0-9a-z.-]+?)\.?)(?::[0-9]{0,5})?", re.IGNORECASE)


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
                challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
                await error_response(status, code, message, headers=challenge)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str, str] | None:
        if path in OPEN:
            return None
        hosts = headers.getlist("host")
        if self._loopback and not (len(hosts) == 1 and names_loopback(hosts[0])):
            return (
                403,
                "foreign_host",
                "this agent listens on loopback and answers to one Host header, 127.0.0.1 or localhost",
            )
        if self._loopback and not path.startswith(SIDECAR_ONLY):
            return None
        if self._token is None:
            return None if self._loopback else (401, "unauthorized", "APP_API_TOKEN is not set")
        # As the bytes that came: headers are Latin-1 to the server, whatever the sender meant.
        if hmac.compare_digest(_given(headers).encode("latin-1"), self._token.encode()):
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


def names_loopback(host_header: str) -> bool:
    """Whether a Host header names this machine's loopback, by a name that no web page can own."""
    form = _HOST.fullmatch(host_header)
    return form is not None and is_loopback(form["six"] or form["name"].lower())


def _given(headers: Headers) -> str:
    token = headers.get("dapr-api-token")
    if token is not None:
        return token
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""
