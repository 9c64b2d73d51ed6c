"""What the models of an agent cost, over HTTP: by day, task and model."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from infrastructure.host.access import needs
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import HttpError
from infrastructure.host.results import json_response
from infrastructure.host.service import service_of
from infrastructure.identity.roles import Permission
from infrastructure.llm.spending.costs import KEPT_DAYS

DAYS = 7
"""Shown without `since`, today among them."""


def add_costs(app: FastAPI, agent: Agent) -> None:
    @app.get(
        f"/api/{agent.name}/costs", tags=["costs"], responses=responses.COSTS, openapi_extra=requests.SINCE,
        operation_id="costs",
    )  # fmt: skip
    @needs(Permission.READ_AGENT)
    async def costs(request: Request) -> Response:
        """Calls, tokens and money since a day (UTC), as the replicas have written it; a second ago at most."""
        today = datetime.now(UTC).date()
        since = _since(request.query_params.get("since"), today)
        book = service_of(request).costs
        lines = await book.lines(since, today) if book else []
        return json_response(
            {
                "agent": agent.name,
                "counted": book is not None,
                "since": since.isoformat(),
                "currency": book.currency if book else None,
                "costs": [
                    {
                        "day": line.day.isoformat(),
                        "task": line.task,
                        "model": line.model,
                        **asdict(line.spent),
                    }
                    for line in lines
                ],
            }
        )


def _since(text: str | None, today: date) -> date:
    if text is None:
        return today - timedelta(days=DAYS - 1)
    try:
        since = date.fromisoformat(text)
    except ValueError:
        raise HttpError(400, "malformed", f"since is a day such as {today.isoformat()}") from None
    return max(since, today - timedelta(days=KEPT_DAYS))
