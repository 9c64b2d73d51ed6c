"""The audit trail over HTTP, to read."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from domain.json import JsonObject
from infrastructure.host.access import needs
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import HttpError, shown
from infrastructure.host.results import json_response
from infrastructure.host.service import service_of
from infrastructure.identity.audit import Recorded
from infrastructure.identity.roles import Permission

LIMIT, LARGEST = 50, 500


def add_audit(app: FastAPI, agent: Agent) -> None:
    @app.get(
        f"/api/{agent.name}/audit", tags=["audit"], responses=responses.AUDIT, openapi_extra=requests.AUDIT_PAGE,
        operation_id="audit",
    )  # fmt: skip
    @needs(Permission.READ_AUDIT)
    async def audit(request: Request) -> Response:
        """Who did what that needs a privilege, when, and what became of it; newest first, kept for a year."""
        query = dict(request.query_params)
        if unknown := set(query) - {"limit", "cursor"}:
            raise _wrong(f"there is no parameter {shown(min(unknown))}; there are limit and cursor")
        limit = query.get("limit", str(LIMIT))
        if not (limit.isascii() and limit.isdecimal() and len(limit) < 9 and 1 <= int(limit) <= LARGEST):
            raise _wrong(f"limit is a number from 1 to {LARGEST}")
        try:
            page = await service_of(request).audit.page(query.get("cursor"), int(limit))
        except ValueError:
            raise _wrong("cursor is what `next` of the page before said") from None
        records = [_described(record) for record in page.records]
        return json_response({"agent": agent.name, "audit": records, "next": page.next})


def _described(record: Recorded) -> JsonObject:
    act, result = record.act, record.result
    return {
        "number": record.number,
        **act.model_dump(mode="json", exclude={"v"}),
        "result": result.result if result else "begun",
        "error": result.error if result else None,
        "ended_at": result.at if result else None,
    }


def _wrong(message: str) -> HttpError:
    return HttpError(400, "malformed", message)
