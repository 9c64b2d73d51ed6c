"""Dead letters over HTTP: list them, look at one, do its work again, or drop it with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from domain.errors import UnknownDeadLetter
from domain.execution import DeadLetter
from domain.json import dump
from infrastructure.host.access import needs
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import EXECUTION_ID, HttpError, read_json_object, shown
from infrastructure.host.results import dead_letter, json_response
from infrastructure.host.service import service_of
from infrastructure.host.settings import Settings
from infrastructure.identity.roles import Permission

LIMIT, LARGEST = 50, 500
REASON = 500
"""Characters."""
_STATES = ("open", "replayed", "dropped", "all")
_FILTERS = {"state", "cause", "task", "type", "after", "before", "limit", "cursor"}


def add_dead_letters(app: FastAPI, agent: Agent, settings: Settings) -> None:
    root = f"/api/{agent.name}/dead-letters"

    @app.get(
        root, tags=["dead letters"], responses=responses.LETTERS, openapi_extra=requests.FILTERS,
        operation_id="dead-letters",
    )  # fmt: skip
    @needs(Permission.READ_EXECUTIONS)
    async def listed(request: Request) -> Response:
        """Work that failed for good, newest first; page by page with `next`, which a page may have even when it is empty."""
        query = dict(request.query_params)
        if unknown := set(query) - _FILTERS:
            raise _wrong(f"there is no filter {shown(min(unknown))}; there are {', '.join(sorted(_FILTERS))}")
        limit = query.get("limit", str(LIMIT))
        if not (limit.isdecimal() and len(limit) < 9 and 1 <= int(limit) <= LARGEST):
            raise _wrong(f"limit is a number from 1 to {LARGEST}")
        try:
            index = service_of(request).runner.dead_letters
            listing = await index.page(query.get("cursor"), int(limit), _wanted(query))
        except ValueError:
            raise _wrong("cursor is what `next` of the page before said") from None
        letters = [letter.model_dump(mode="json") for letter in listing.letters]
        return json_response({"dead_letters": letters, "next": listing.next})

    @app.get(f"{root}/{{execution_id}}", tags=["dead letters"], responses=responses.DEAD_LETTER)
    @needs(Permission.READ_EXECUTIONS)
    async def shown_whole(request: Request, execution_id: str) -> Response:
        """One with all that is known of it: the original event whole, and every attempt."""
        service = service_of(request)
        letter = await service.runner.dead_letters.get(_known(execution_id))
        return json_response(dead_letter(letter, await service.runner.find(execution_id)))

    @app.post(f"{root}/{{execution_id}}/replay", tags=["dead letters"], responses=responses.REPLAYED)
    @needs(Permission.SETTLE_DEAD_LETTERS, act="dead-letters.replay")
    async def replayed(request: Request, execution_id: str) -> Response:
        """Do its work again, as a new execution of this agent alone. Asked twice, it is the same one."""
        trigger = await service_of(request).replay(_known(execution_id))
        location = f"/api/{agent.name}/executions/{trigger.execution_id}"
        body = {"execution_id": trigger.execution_id, "replay_of": execution_id}
        return Response(dump(body), 202, {"Location": location}, media_type="application/json")

    @app.post(
        f"{root}/{{execution_id}}/drop", tags=["dead letters"], responses=responses.DROPPED,
        openapi_extra=requests.DROP,
    )  # fmt: skip
    @needs(Permission.SETTLE_DEAD_LETTERS, act="dead-letters.drop")
    async def dropped(request: Request, execution_id: str) -> Response:
        """Nobody will do it: it stays listed as dropped, with the reason."""
        body = await read_json_object(request, settings.max_body_bytes)
        reason = body.get("reason")
        if set(body) != {"reason"} or not isinstance(reason, str) or not 1 <= len(reason.strip()) <= REASON:
            raise HttpError(422, "invalid_input", f'send {{"reason": "…"}}, 1 to {REASON} characters')
        index = service_of(request).runner.dead_letters
        changes = {"state": "dropped", "dropped_because": reason.strip()}
        letter = await index.settle(_known(execution_id), **changes)
        return json_response(letter.model_dump(mode="json"))


def _known(execution_id: str) -> str:
    """No store is asked for what cannot be an id."""
    if not EXECUTION_ID.fullmatch(execution_id):
        raise UnknownDeadLetter(f"there is no dead letter {shown(execution_id)}")
    return execution_id


def _wanted(query: dict[str, str]) -> Callable[[DeadLetter], bool]:
    state = query.get("state", "open")
    if state not in _STATES:
        raise _wrong(f"state is one of {', '.join(_STATES)}")
    exact = {
        field: query[name]
        for name, field in {"cause": "cause", "task": "task", "type": "event_type"}.items()
        if name in query
    }
    after, before = _moment(query, "after"), _moment(query, "before")

    def wanted(letter: DeadLetter) -> bool:
        at = datetime.fromisoformat(letter.last_seen)
        return (
            state in {"all", letter.state}
            and all(getattr(letter, field) == value for field, value in exact.items())
            and (after is None or at >= after)
            and (before is None or at < before)
        )

    return wanted


def _moment(query: dict[str, str], name: str) -> datetime | None:
    """A time without an offset is the machine's own, as people type it."""
    if name not in query:
        return None
    try:
        return datetime.fromisoformat(query[name]).astimezone()
    except (ValueError, OverflowError):
        raise _wrong(f"{name} is a time such as 2026-11-21T14:00:00Z") from None


def _wrong(message: str) -> HttpError:
    return HttpError(400, "malformed", message)
