"""The one FastAPI factory: every agent gets the same routes, with schemas from its own declarations.

Here are those of its tasks; `inspection.py` has the others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent, Task
from agents.runtime.policy import status_of
from agents.runtime.waiting import Pending, Settled
from agents.runtime.watch import Watch
from domain.execution import Execution, Trigger
from domain.json import dump
from infrastructure.host import errors
from infrastructure.host.access import caller_of, needs, require_declared
from infrastructure.host.capacity import Capacity
from infrastructure.host.inspection import add_inspection
from infrastructure.host.openapi import requests, responses
from infrastructure.host.openapi.document import install_document
from infrastructure.host.openapi.inputs import Inputs, inputs_of
from infrastructure.host.probes import add_probes
from infrastructure.host.requests import (
    HttpError,
    correlation_id,
    idempotency_key,
    read_json_object,
    shown,
    traceparent,
    wants_async,
)
from infrastructure.host.results import json_response, result
from infrastructure.host.security import Guard
from infrastructure.host.service import Service, service_of
from infrastructure.host.settings import Settings
from infrastructure.host.sse import task_response
from infrastructure.identity.identity import Identity
from infrastructure.identity.roles import Permission

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    agent: Agent, settings: Settings, lifespan: Lifespan, identity: Identity | None = None
) -> FastAPI:
    """The API of one agent. `lifespan` puts the agent's `Service` into `app.state.service`.

    Without an `identity` nobody logs in.
    """
    app = FastAPI(
        title=f"{agent.name} agent",
        description=agent.description,
        version=settings.version,
        lifespan=lifespan,
        openapi_url=None,  # the document has a route of ours, as all of them with its permission
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # we have our own, FastAPI's would double it
    )
    errors.install(app)
    app.add_middleware(Capacity)
    app.add_middleware(
        Guard, host=settings.host, token=settings.app_token, identity=identity, origins=settings.origins
    )
    if settings.origins:
        from infrastructure.host.cors import Cors  # noqa: PLC0415  # imported only where it is on

        app.add_middleware(Cors, origins=settings.origins)
    inputs = inputs_of(agent)
    _add_tasks(app, agent, settings, inputs)
    add_inspection(app, agent, settings)
    add_probes(app)
    install_document(app, inputs)
    require_declared(app.routes)
    return app


def _add_tasks(app: FastAPI, agent: Agent, settings: Settings, inputs: Inputs) -> None:
    root = f"/api/{agent.name}"

    @needs(Permission.RUN_TASKS)
    async def execute(request: Request) -> Response:
        body = await read_json_object(request, settings.max_body_bytes)
        unknown = set(body) - {"task", "input"}
        if unknown or not isinstance(body.get("task"), str) or "input" not in body:
            raise HttpError(422, "invalid_input", 'send {"task": "…", "input": {…}} and nothing else')
        task = agent.tasks.get(str(body["task"]))
        if task is None:
            raise HttpError(
                404,
                "unknown_task",
                f"{agent.name} has no task {shown(body['task'])}",
                tasks=list(agent.tasks),
            )
        return await _run(request, task, body["input"], settings)

    app.post(
        f"{root}/execute",
        openapi_extra=requests.execute(inputs), responses=responses.TASK | responses.UNKNOWN, tags=["tasks"],
        summary="Any task by its name", operation_id="execute",
    )(execute)  # fmt: skip
    for task in agent.tasks.values():
        _add_task(app, root, task, settings, inputs)


def _add_task(app: FastAPI, root: str, task: Task, settings: Settings, inputs: Inputs) -> None:
    @needs(Permission.RUN_TASKS)
    async def run(request: Request) -> Response:
        return await _run(request, task, await read_json_object(request, settings.max_body_bytes), settings)

    @needs(Permission.RUN_TASKS)
    async def stream(request: Request) -> Response:
        value = await read_json_object(request, settings.max_body_bytes)
        service = service_of(request)
        key, correlation, parent = idempotency_key(request), correlation_id(request), traceparent(request)
        caller = caller_of(request).name
        service.runner.work.prepare(_probe(service, task, value))

        async def submit(watch: Watch) -> Response:
            trigger, settled = await service.submit(
                task,
                value,
                key=key,
                correlation_id=correlation,
                patience=settings.http_patience,
                traceparent=parent,
                watch=watch,
                caller=caller,
            )
            return _answer(service, trigger, settled)

        return task_response(submit)

    extra = requests.task(inputs.schemas[task.name])
    app.post(
        f"{root}/{task.name}",
        openapi_extra=extra, responses=responses.TASK, tags=["tasks"],
        summary=task.name, description=task.description, operation_id=task.name,
    )(run)  # fmt: skip
    app.post(
        f"{root}/{task.name}/stream",
        openapi_extra=extra, responses=responses.STREAM, tags=["tasks"],
        summary=f"{task.name}, with the model's text as it comes", operation_id=f"{task.name}-stream",
    )(stream)  # fmt: skip


async def _run(request: Request, task: Task, value: object, settings: Settings) -> Response:
    service = service_of(request)
    patience = 0.0 if wants_async(request) else settings.http_patience
    trigger, settled = await service.submit(
        task,
        value,
        key=idempotency_key(request),
        correlation_id=correlation_id(request),
        patience=patience,
        traceparent=traceparent(request),
        caller=caller_of(request).name,
    )
    return _answer(service, trigger, settled)


def _answer(service: Service, trigger: Trigger, settled: Settled | Pending) -> Response:
    location = f"/api/{service.agent.name}/executions/{trigger.execution_id}"
    if isinstance(settled, Settled):
        return _outcome(settled.execution, replayed=settled.replayed, location=location)
    if settled.trouble is not None:
        kept = {
            "execution_id": trigger.execution_id,
            "kept": "it runs as soon as it can; do not send it again",
            "location": location,
        }
        return errors.respond(settled.trouble, {"Location": location}, **kept)
    accepted = {
        "execution_id": trigger.execution_id,
        "correlation_id": trigger.root_correlation_id,
        "agent": trigger.agent,
        "task": trigger.task,
        "status": "accepted",
    }
    return Response(
        dump(accepted), 202, {"Location": location, "Retry-After": "1"}, media_type="application/json"
    )


def _outcome(execution: Execution, *, replayed: bool, location: str) -> Response:
    if execution.error is None:
        return json_response(result(execution, replayed=replayed))
    failure = execution.error
    details = {
        **failure.details,
        "execution_id": execution.id,
        "attempts": execution.attempts,
        "replayed": replayed,
    }
    return errors.error_response(
        status_of(failure.code), failure.code, failure.message, details, {"Location": location}
    )


def _probe(service: Service, task: Task, value: object) -> Trigger:
    """Enough of a trigger to refuse bad input before a stream begins."""
    return Trigger(agent=service.agent.name, task=task.name, source="", key="", input=value)
