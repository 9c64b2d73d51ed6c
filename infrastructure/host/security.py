"""Who calls: on loopback anybody of this machine, beyond it those who can say who they are; the sidecar's routes are its own.

What the caller may do then, each route says itself (`access.needs`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import AgentError
from infrastructure.host.errors import respond
from infrastructure.host.requests import HttpError
from infrastructure.identity.addresses import is_loopback
from infrastructure.identity.caller import LOCAL, SIDECAR, Caller, Refused
from infrastructure.identity.identity import Identity

OPEN = {"/healthz", "/readyz"}
"""Probes carry no token."""
SIDECAR_ONLY = ("/dapr/", "/job/")
HEADERS: Sequence[tuple[str, str]] = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
"""On every answer; the server adds them (`uvicorn.Config.headers`)."""
CALLER = "caller"
"""Where a request's scope says who calls, a `Caller`."""
_AS_SIDECAR = "send the APP_API_TOKEN in the header dapr-api-token, or as Authorization: Bearer …"
_LOG_IN = "send Authorization: Bearer and a token of the issuer, or an API key"
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[0-9a-z.-]+?)\.?)(?::[0-9]{0,5})?", re.IGNORECASE)


class Guard:
    """ASGI middleware. Without an `identity` nobody logs in: beyond loopback only the sidecar is let in then.

    An agent on loopback answers under loopback names alone, and no pages of other origins than `origins`: a web page that
    rebinds its own name to 127.0.0.1, or posts to it, is refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        token: str | None,
        identity: Identity | None = None,
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._origins = origins
        self._token = token
        self._loopback = is_loopback(host)
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            try:
                scope[CALLER] = await self._caller(scope["path"], Headers(scope=scope))
            except AgentError as refusal:
                await respond(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller(self, path: str, headers: Headers) -> Caller:
        if self._loopback:
            _check_names(headers, self._origins)
        if path.startswith(SIDECAR_ONLY):
            if self._is_sidecar(headers) or (self._loopback and self._token is None):
                return SIDECAR
            raise _unknown(_AS_SIDECAR)
        if self._identity is not None:
            return await self._logged_in(self._identity, headers)
        if self._loopback:
            return LOCAL
        if self._is_sidecar(headers):
            return SIDECAR
        raise _unknown(_AS_SIDECAR)

    async def _logged_in(self, identity: Identity, headers: Headers) -> Caller:
        """Who a caller says to be counts for more than the sidecar that brings the request, and adds its own token."""
        given = headers.getlist("authorization")
        if len(given) > 1:
            raise _unknown("send one Authorization header")
        scheme, _, bearer = given[0].partition(" ") if given else ("", "", "")
        bearer = bearer.strip()
        if given and not (scheme.lower() == "bearer" and bearer):
            raise _unknown(_LOG_IN)
        if not given or (self._token is not None and _same(bearer, self._token)):
            if self._is_sidecar(headers):
                return SIDECAR
            raise _unknown(_LOG_IN)
        try:
            caller = await identity.caller(bearer)
        except Refused as refusal:
            raise _unknown(str(refusal), error="invalid_token") from None
        if identity.limit is not None and (wait := identity.limit.wait(caller.name)):
            raise HttpError(
                429, "too_many_requests", "you ask too often: AGENTS_RATE_LIMIT is per caller and second",
                retry_after=wait,
            )  # fmt: skip
        return caller

    def _is_sidecar(self, headers: Headers) -> bool:
        return self._token is not None and _same(_given(headers), self._token)


def names_loopback(host_header: str) -> bool:
    """Whether a Host header names this machine's loopback, by a name that no web page can own."""
    form = _HOST.fullmatch(host_header)
    return form is not None and is_loopback(form["six"] or form["name"].lower())


def _unknown(message: str, error: str | None = None) -> HttpError:
    """`error`: what is wrong with credentials that were shown (RFC 6750)."""
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return HttpError(401, "unauthorized", message, headers={"WWW-Authenticate": challenge})


def _check_names(headers: Headers, origins: Collection[str]) -> None:
    hosts = headers.getlist("host")
    if not (len(hosts) == 1 and names_loopback(hosts[0])):
        raise HttpError(
            403,
            "foreign_host",
            "this agent listens on loopback and answers to one Host header, 127.0.0.1 or localhost",
        )
    origin = headers.get("origin")
    if origin is not None and origin not in origins and not names_loopback(_authority(origin)):
        raise HttpError(
            403, "foreign_origin", "this agent listens on loopback and answers no web pages of other machines"
        )


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _given(headers: Headers) -> str:
    token = headers.get("dapr-api-token")
    if token is not None:
        return token
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, token: str) -> bool:
    """As the bytes that came: headers are Latin-1 to the server, whatever the sender meant."""
    return hmac.compare_digest(given.encode("latin-1"), token.encode())
