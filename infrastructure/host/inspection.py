"""What people and tools ask of an agent beside its work: records, entities, dead letters, prompts, rollout, costs, audit."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from domain.json import JsonObject
from infrastructure.host.access import needs
from infrastructure.host.audit import add_audit
from infrastructure.host.costs import add_costs
from infrastructure.host.dead_letters import add_dead_letters
from infrastructure.host.journal import readable
from infrastructure.host.openapi import responses
from infrastructure.host.prompts import add_prompts
from infrastructure.host.requests import EXECUTION_ID, HttpError, shown
from infrastructure.host.results import described, json_response, record
from infrastructure.host.rollout import add_rollout
from infrastructure.host.service import service_of
from infrastructure.host.settings import Settings
from infrastructure.host.sse import events_response
from infrastructure.host.trials import add_trials
from infrastructure.identity.roles import Permission

_LONGEST_ID = 200
"""Characters of an entity's id: a longer one is nobody's, and no store is asked for it."""


def add_inspection(app: FastAPI, agent: Agent, settings: Settings) -> None:
    _add_records(app, agent)
    add_trials(app, agent, settings)
    add_dead_letters(app, agent, settings)
    add_rollout(app, agent, settings)
    add_prompts(app, agent, settings)
    add_costs(app, agent)
    add_audit(app, agent)


def _add_records(app: FastAPI, agent: Agent) -> None:
    root = f"/api/{agent.name}"

    @app.get(f"{root}/executions/{{execution_id}}", tags=["executions"], responses=responses.EXECUTION)
    @needs(Permission.READ_EXECUTIONS)
    async def execution(request: Request, execution_id: str) -> Response:
        """The whole record, outgoing events as whole CloudEvents; of unfinished work, who is at it."""
        known = EXECUTION_ID.fullmatch(execution_id)
        found = await service_of(request).runner.find(execution_id) if known else None
        if found is None:
            raise HttpError(
                404, "unknown_execution", f"{agent.name} knows no execution {shown(execution_id)}"
            )
        return json_response(record(found))

    @app.get(
        f"{root}/correlations/{{correlation:path}}", tags=["executions"], responses=responses.CORRELATION
    )
    @needs(Permission.READ_EXECUTIONS)
    async def correlated(request: Request, correlation: str) -> Response:
        """The executions of this agent that brought the correlation id in."""
        return json_response({"executions": await service_of(request).correlations.roots(correlation)})

    @app.get(f"{root}/entities/{{kind}}/{{entity_id:path}}", tags=["entities"], responses=responses.ENTITY)
    @needs(Permission.READ_EXECUTIONS)
    async def entity(request: Request, kind: str, entity_id: str) -> Response:
        """An entity that this agent keeps, as it is now."""
        kinds = agent.entities
        if kind not in kinds:
            raise HttpError(
                404, "unknown_entity", f"{agent.name} keeps no {shown(kind)}", kinds=sorted(kinds)
            )
        entities = service_of(request).runner.work.entities
        found = await entities.read(kinds[kind], entity_id) if len(entity_id) <= _LONGEST_ID else None
        if found is None:
            raise HttpError(404, "unknown_entity", f"there is no {kind} {shown(entity_id)}")
        return json_response(found.model_dump(mode="json"))

    @app.get(f"{root}/tasks", tags=["tasks"], responses=responses.TASKS)
    @needs(Permission.READ_AGENT)
    async def tasks(request: Request) -> Response:
        """What this agent does: schemas, examples, and the events that start each task."""
        dead_letters = service_of(request).receive_dead_letters
        found = [described(task, dead_letters=dead_letters) for task in agent.tasks.values()]
        return json_response({"agent": agent.name, "tasks": found})

    @app.get(f"{root}/events/stream", tags=["events"], responses=responses.EVENTS)
    @needs(Permission.READ_EXECUTIONS)
    async def events(request: Request) -> Response:
        """What this replica received and published, as server-sent events: the last ones, then new ones."""
        entries = service_of(request).journal.watch()

        async def shown() -> AsyncIterator[JsonObject]:
            async for entry in entries:
                yield entry | {"event": readable(entry["event"])}

        return events_response(shown())
