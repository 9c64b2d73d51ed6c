"""Reading a request: its body within limits, its JSON, the headers that carry identity and correlation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from fastapi import Request
from starlette.requests import ClientDisconnect

from domain.errors import AgentError
from domain.json import MAX_VALUES, parse
from domain.trace_context import parse_traceparent

DRAINED = 16 * 2**20
"""Bytes read and dropped of a body that is too large, so that a client that is still sending gets to read the answer."""
BODY_SECONDS = 60.0
"""How long a body may take to come."""
SHOWN = 80
"""Characters of a caller's own words that an error repeats."""
EXECUTION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,200}")


class HttpError(AgentError):
    """An answer that ends a request, with its own status."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        close: bool = False,
        headers: Mapping[str, str] | None = None,
        **details: object,
    ) -> None:
        """`close`: the connection ends with the answer, because the rest of the request is not read. `headers`: the answer's."""
        super().__init__(message, **details)
        self.status = status
        self.error_code = code
        self.retry_after = retry_after
        self.close = close
        self.headers = headers or {}


async def read_json_object(request: Request, limit: int) -> dict[str, object]:
    """The body as a JSON object: 413 above `limit` bytes, 415 for another content type, 400 for what is no JSON object."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, limit)
    if content_type != "application/json" and not content_type.endswith("+json"):
        # Asked for strictly: a browser may send other types across sites without asking first.
        raise HttpError(
            415,
            "unsupported_media_type",
            f"send JSON with the header Content-Type: application/json, not {shown(content_type)}",
        )
    if not body.strip():
        raise HttpError(400, "malformed", "the body is empty: send a JSON object")
    try:
        value = parse(body, max_values=MAX_VALUES)
    except ValueError as error:
        raise HttpError(400, "malformed", f"the body is not JSON that can be used: {error}") from None
    if not isinstance(value, dict):
        raise HttpError(400, "malformed", f"the body is a JSON {_kind(value)}: send an object, {{…}}")
    return value


async def read_body(request: Request, limit: int) -> bytes:
    """The body, which the audit trail and the route may both read: 413 above `limit` bytes, 408 for one that does not come."""
    if not hasattr(request.state, "body"):
        request.state.body = await _read(request, limit)
    body: bytes = request.state.body
    return body


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > DRAINED:
                    break
                if size <= limit:
                    body += chunk
                else:
                    body.clear()
    except TimeoutError:
        raise HttpError(
            408, "request_timeout", f"the body did not come within {BODY_SECONDS:g} s", close=True
        ) from None
    except ClientDisconnect:  # nobody reads this answer, and nothing of ours failed
        raise HttpError(400, "malformed", "the connection ended within the body", close=True) from None
    if size > limit:
        raise HttpError(
            413, "too_large", f"the body is larger than {limit} bytes", close=size > DRAINED, limit=limit
        )
    return bytes(body)


def idempotency_key(request: Request) -> str | None:
    return _header(request, "Idempotency-Key")


def correlation_id(request: Request) -> str | None:
    return _header(request, "X-Correlation-ID")


def traceparent(request: Request) -> str | None:
    """None for one that is not valid, as W3C Trace Context asks for: it must not reach records and events."""
    given = request.headers.get("traceparent")
    context = parse_traceparent(given) if given else None
    return context.traceparent if context else None


def wants_async(request: Request) -> bool:
    """Whether a Prefer header (RFC 7240) holds `respond-async`."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(re.split("[;=]", one, maxsplit=1)[0].strip().lower() == "respond-async" for one in preferences)


def shown(text: object) -> str:
    """A caller's own words as an error repeats them: quoted, and not all of a long text."""
    whole = str(text)
    return repr(whole if len(whole) <= SHOWN else whole[:SHOWN] + "…")


def _header(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if not values:
        return None
    if len(values) > 1 or not _TOKEN.fullmatch(values[0]):
        raise HttpError(
            400,
            "malformed",
            f"the header {name} takes 1 to 200 visible ASCII characters without blanks, once",
        )
    return values[0]


def _kind(value: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
