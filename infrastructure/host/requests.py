"""Reading a request: its body within limits, its JSON, the headers that carry identity and correlation."""

from __future__ import annotations

import re
from uuid import uuid4

from fastapi import Request

from domain.errors import AgentError
from domain.json import parse

DRAINED = 16 * 2**20
"""Bytes read and dropped of a body that is too large, so that a client that is still sending gets to read the answer."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,200}")


class HttpError(AgentError):
    """An answer that ends a request, with its own status."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: float | None = None, **details: object
    ) -> None:
        super().__init__(message, **details)
        self.status = status
        self.error_code = code
        self.retry_after = retry_after


async def read_json_object(request: Request, limit: int) -> dict[str, object]:
    """The body as a JSON object: 413 above `limit` bytes, 415 for another content type, 400 for what is no JSON object."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _read(request, limit)
    if content_type != "application/json" and not content_type.endswith("+json"):
        # Asked for strictly: a browser may send other types across sites without asking first.
        raise HttpError(
            415,
            "unsupported_media_type",
            f"send JSON with the header Content-Type: application/json, not {content_type!r}",
        )
    if not body.strip():
        raise HttpError(400, "malformed", "the body is empty: send a JSON object")
    try:
        value = parse(body)
    except ValueError as error:
        raise HttpError(400, "malformed", f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HttpError(400, "malformed", f"the body is a JSON {_kind(value)}: send an object, {{…}}")
    return value


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAINED:
            break
        if size <= limit:
            body += chunk
    if size > limit:
        raise HttpError(413, "too_large", f"the body is larger than {limit} bytes", limit=limit)
    return bytes(body)


def idempotency_key(request: Request) -> str:
    return _header(request, "idempotency-key") or uuid4().hex


def correlation_id(request: Request) -> str | None:
    return _header(request, "x-correlation-id")


def wants_async(request: Request) -> bool:
    return "respond-async" in request.headers.get("prefer", "")


def _header(request: Request, name: str) -> str | None:
    value = request.headers.get(name)
    if value is not None and not _TOKEN.fullmatch(value):
        raise HttpError(
            400, "malformed", f"the header {name} takes 1 to 200 visible ASCII characters without blanks"
        )
    return value


def _kind(value: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
