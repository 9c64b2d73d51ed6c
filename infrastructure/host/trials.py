"""A recorded execution tried again over HTTP, with another prompt if asked, and both results side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from agents.runtime.trial import Trial, run_trial
from domain.errors import ModelMisconfigured, PromptInvalid
from domain.execution import Execution, Trigger
from domain.json import JsonObject
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.prompt import Prompt
from infrastructure.host.access import needs
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import EXECUTION_ID, HttpError, read_json_object, shown
from infrastructure.host.results import json_response
from infrastructure.host.service import Service, service_of
from infrastructure.host.settings import Settings
from infrastructure.host.turns import Turns
from infrastructure.identity.roles import Permission

AT_ONCE = 8
"""Trials that one process runs: they ask the same models as the work, and the work goes first."""
MOST = 64
"""Trials that run or wait: as many as one `agents executions replay --parallel` sends."""
FORM = 'send {}, or as much of it as is wanted: {"prompts": {"NAME": "VERSION"}, "model": "NAME"}'


def add_trials(app: FastAPI, agent: Agent, settings: Settings) -> None:
    turns = Turns(AT_ONCE, MOST)

    @app.post(
        f"/api/{agent.name}/executions/{{execution_id}}/trial", tags=["executions"],
        responses=responses.TRIED, openapi_extra=requests.TRIAL, operation_id="trial",
    )  # fmt: skip
    @needs(Permission.TRY_PROMPTS)
    async def tried(request: Request, execution_id: str) -> Response:
        """Run its input again and publish, store and send nothing of it: what it gave then, and what it gives now."""
        service = service_of(request)
        body = await read_json_object(request, settings.max_body_bytes)
        prompts, model = _prompts(body, agent, service.ports.prompts), _model(body)
        found = await service.runner.find(execution_id) if EXECUTION_ID.fullmatch(execution_id) else None
        if found is None or found.claim is None:
            raise HttpError(
                404, "unknown_execution", f"{agent.name} does not know what {shown(execution_id)} was asked"
            )
        if found.outcome is None:
            raise HttpError(
                409, "still_running", f"execution {execution_id} has no outcome yet to compare with"
            )
        trial = await turns.take(request, partial(_run, service, found.claim.trigger, prompts, model))
        return json_response(
            {
                "execution_id": execution_id,
                "agent": agent.name,
                "task": found.outcome.task,
                "recorded": _recorded(found.outcome),
                "tried": _tried(trial),
            }
        )


async def _run(service: Service, trigger: Trigger, prompts: dict[str, Prompt], model: str | None) -> Trial:
    async with _asked(service, model) as asked:
        return await run_trial(service.agent, service.ports, trigger, prompts, asked)


def _prompts(body: JsonObject, agent: Agent, registry: PromptRegistry) -> dict[str, Prompt]:
    """The versions that are to be asked instead of those in use."""
    versions: Any = body.get("prompts", {})
    if set(body) - {"prompts", "model"} or not isinstance(versions, dict):
        raise HttpError(422, "invalid_input", FORM)
    if unknown := set(versions) - set(agent.prompts):
        raise HttpError(
            422,
            "invalid_input",
            f"{agent.name} asks no prompt {shown(min(unknown))}",
            prompts=sorted(agent.prompts),
        )
    try:
        return {name: registry.version(name, str(version)) for name, version in versions.items()}
    except PromptInvalid as error:
        raise HttpError(422, "invalid_input", error.message) from None


def _model(body: JsonObject) -> str | None:
    model = body.get("model")
    if model is None or (isinstance(model, str) and model and model.isprintable()):
        return model
    raise HttpError(422, "invalid_input", FORM)


@asynccontextmanager
async def _asked(service: Service, name: str | None) -> AsyncIterator[LanguageModel | None]:
    """The model that is to be asked instead of that in use."""
    if name is None:
        yield None
        return
    if service.other_model is None:
        raise HttpError(422, "invalid_input", "no other model can be asked here")
    async with AsyncExitStack() as stack:
        try:
            model = await stack.enter_async_context(service.other_model(name))
        except ModelMisconfigured as error:
            raise HttpError(422, "invalid_input", error.message) from None
        yield model


def _recorded(execution: Execution) -> JsonObject:
    return {
        "status": execution.status,
        "output": execution.output,
        "events": [{"type": event.type, "data": event.data} for event in execution.events],
        "error": execution.error.model_dump(mode="json") if execution.error else None,
        "prompt": execution.prompt.model_dump() if execution.prompt else None,
        "model": execution.model,
        "usage": execution.usage.model_dump(),
        "cost": execution.cost,
        "duration_ms": execution.duration_ms,
    }


def _tried(trial: Trial) -> JsonObject:
    outcome = trial.outcome
    events = outcome.events if outcome else ()
    return {
        "status": "completed" if outcome else "failed",
        "output": outcome.output.model_dump(mode="json") if outcome else None,
        "events": [{"type": data.event_type, "data": data.model_dump(mode="json")} for data in events],
        "error": trial.error.model_dump(mode="json") if trial.error else None,
        "prompt": trial.prompt.model_dump() if trial.prompt else None,
        "model": trial.model,
        "usage": {"input_tokens": trial.usage.input_tokens, "output_tokens": trial.usage.output_tokens},
        "cost": trial.cost,
        "duration_ms": trial.duration_ms,
    }
