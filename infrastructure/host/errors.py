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
from infrastructure.host.requests import HttpError

log = logging.getLogger(__name__)


def error_response(
    status: int,
    code: str,
    message: str,
    details: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {
        "error": {
            "code": code,
            "message": message,
            "details": details or {},
            "timestamp": datetime.now(UTC).isoformat(),
        }
    }
    return Response(dump(body), status, headers, media_type="application/json")


def respond(error: AgentError, headers: dict[str, str] | None = None, **details: object) -> Response:
    """The answer for an error, with Retry-After where waiting helps."""
    headers = dict(headers or {})
    if isinstance(error, HttpError):
        status, code = error.status, error.error_code
    else:
        verdict = judge(error)
        status, code = verdict.status, verdict.code
    if status in {429, 503}:
        seconds = getattr(error, "retry_after", None) or DEFAULT_RETRY_AFTER
        headers["Retry-After"] = str(math.ceil(seconds))
    return error_response(status, code, error.message, {**error.details, **details}, headers)


def install(app: FastAPI) -> None:
    async def ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, AgentError)  # noqa: S101  # registered for it
        return respond(error)

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "_")
        message = f"{phrase}: {request.method} {request.url.path}; GET /docs lists what there is"
        return error_response(error.status_code, code, message, headers=dict(error.headers or {}))

    async def bug(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_response(500, "internal", f"this is a bug ({type(error).__name__}); the log has it")

    app.add_exception_handler(AgentError, ours)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, bug)
