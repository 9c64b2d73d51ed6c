"""Every error in the one documented form: `{"error": {"code", "message", "details", "timestamp"}}`."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from agents.runtime.policy import DEFAULT_RETRY_AFTER, judge
from domain.errors import AgentError
from domain.json import dump
from infrastructure.host.requests import HttpError, shown

log = logging.getLogger(__name__)


def error_body(code: str, message: str, details: dict[str, object] | None = None) -> bytes:
    error = {
        "code": code,
        "message": message,
        "details": details or {},
        "timestamp": datetime.now(UTC).isoformat(),
    }
    return dump({"error": error})


def error_response(
    status: int,
    code: str,
    message: str,
    details: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    return Response(error_body(code, message, details), status, headers, media_type="application/json")


def respond(error: AgentError, headers: dict[str, str] | None = None, **details: object) -> Response:
    """The answer for an error, with Retry-After where waiting helps."""
    headers = dict(headers or {})
    if isinstance(error, HttpError):
        status, code = error.status, error.error_code
        headers |= error.headers
        if error.close:
            headers["Connection"] = "close"
    else:
        verdict = judge(error)
        status, code = verdict.status, verdict.code
    if status in {429, 503}:
        seconds = getattr(error, "retry_after", None) or DEFAULT_RETRY_AFTER
        headers["Retry-After"] = str(math.ceil(seconds))
    return error_response(status, code, error.message, {**error.details, **details}, headers)


def bug(error: BaseException) -> Response:
    """The answer for what nobody foresaw. Its text may quote the input or a secret: only the log has it."""
    return error_response(500, "internal", f"this is a bug ({type(error).__name__}); the log has it")


def install(app: FastAPI) -> None:
    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, AgentError)  # noqa: S101  # registered for it
        return respond(error)

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "_")
        # Not request.url: it is put together with the Host header, and raises on a broken one.
        where = f"{request.method} {shown(request.scope['path'])}"
        message = f"{phrase}: {where}; GET /docs lists what there is"
        return error_response(error.status_code, code, message, headers=dict(error.headers or {}))

    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        return bug(error)

    app.add_exception_handler(AgentError, ours)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, unforeseen)
