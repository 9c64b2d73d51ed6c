"""The rollout of prompts over HTTP: splits, promotion, rollback, figures, and users' scores of executions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request, Response
from pydantic_core import from_json

from agents.runtime.agent import Agent
from domain.execution import Execution
from domain.json import JsonObject
from domain.rollout import DEARER, Split
from infrastructure.host.access import needs
from infrastructure.host.declared import folder_of_prompts, misfits
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import EXECUTION_ID, HttpError, read_json_object, shown
from infrastructure.host.results import json_response
from infrastructure.host.service import Service, service_of
from infrastructure.host.settings import Settings
from infrastructure.identity.roles import Permission
from infrastructure.rollout.feedback import Feedback, Score
from infrastructure.rollout.live import LiveRollout
from infrastructure.rollout.orders import Orders
from infrastructure.rollout.report import described, report

REASON, NAME, COMMENT = 500, 100, 2000
"""Characters."""
DEAREST = 1000
"""Per cent."""
BY_HAND = "somebody rolled it back"


def add_rollout(app: FastAPI, agent: Agent, settings: Settings) -> None:
    root = f"/api/{agent.name}/prompts/{{prompt}}"

    @app.get(f"{root}/split", tags=["prompts"], responses=responses.SPLIT, operation_id="split")
    @needs(Permission.READ_PROMPTS)
    async def split(request: Request, prompt: str) -> Response:
        """How its work is split among versions."""
        _, rollout = _asked(request, agent, prompt)
        splits = await rollout.splits.refresh()
        return _split(prompt, splits.splits.get(prompt))

    @app.put(
        f"{root}/split", tags=["prompts"], responses=responses.SPLIT_SET, openapi_extra=requests.SPLIT_ORDER,
        operation_id="set-split",
    )  # fmt: skip
    @needs(Permission.RELEASE_PROMPTS, act="prompts.split")
    async def split_set(request: Request, prompt: str) -> Response:
        """Split its work from now on, in every replica within seconds. A new experiment begins, with figures of its own."""
        service, rollout = _asked(request, agent, prompt)
        body = await read_json_object(request, settings.max_body_bytes)
        shares, dearer = _shares(body), body.get("dearer", DEARER)
        if not isinstance(dearer, int) or isinstance(dearer, bool) or not 0 <= dearer <= DEAREST:
            raise _invalid(f"dearer is a whole number of per cent, 0 to {DEAREST}")
        return _split(prompt, await _orders(service, rollout).split(prompt, shares, dearer=dearer))

    @app.delete(f"{root}/split", tags=["prompts"], responses=responses.SPLIT, operation_id="end-split")
    @needs(Permission.RELEASE_PROMPTS, act="prompts.end-split")
    async def split_ended(request: Request, prompt: str) -> Response:
        """No split any more: the newest release has all the work, and so will every later one at once."""
        service, rollout = _asked(request, agent, prompt)
        await _orders(service, rollout).end(prompt)
        return _split(prompt, None)

    @app.post(
        f"{root}/promote", tags=["prompts"], responses=responses.SPLIT_SET, openapi_extra=requests.PROMOTION,
        operation_id="promote",
    )  # fmt: skip
    @needs(Permission.RELEASE_PROMPTS, act="prompts.promote")
    async def promoted(request: Request, prompt: str) -> Response:
        """Give one version all the work. Later releases get none before they are split in."""
        service, rollout = _asked(request, agent, prompt)
        body = await read_json_object(request, settings.max_body_bytes)
        version = body.get("version")
        if set(body) != {"version"} or not isinstance(version, str):
            raise _invalid('send {"version": "…"} and nothing else')
        return _split(prompt, await _orders(service, rollout).promote(prompt, version))

    @app.post(
        f"{root}/rollback", tags=["prompts"], responses=responses.SPLIT_SET, openapi_extra=requests.ROLLBACK,
        operation_id="rollback",
    )  # fmt: skip
    @needs(Permission.RELEASE_PROMPTS, act="prompts.rollback")
    async def rolled_back(request: Request, prompt: str) -> Response:
        """Give all the work back to the baseline of the split; the reason is kept."""
        service, rollout = _asked(request, agent, prompt)
        body = await read_json_object(request, settings.max_body_bytes)
        because = body.get("because", BY_HAND)
        if set(body) - {"because"} or not isinstance(because, str) or not 1 <= len(because.strip()) <= REASON:
            raise _invalid(f'send {{}} or {{"because": "…"}}, 1 to {REASON} characters')
        return _split(prompt, await _orders(service, rollout).roll_back(prompt, because.strip()))

    @app.get(f"{root}/stats", tags=["prompts"], responses=responses.STATS, operation_id="prompt-stats")
    @needs(Permission.READ_PROMPTS)
    async def stats(request: Request, prompt: str) -> Response:
        """The figures of its versions with intervals, how candidates compare, and what was taken back and why."""
        service, rollout = _asked(request, agent, prompt)
        folder = await asyncio.to_thread(folder_of_prompts, settings)
        evaluated = partial(_evaluated, folder / agent.name)
        told = await report(rollout, service.ports.prompts, prompt, evaluated)
        return json_response({"agent": agent.name, **told})

    @app.post(
        f"/api/{agent.name}/executions/{{execution_id}}/feedback", tags=["executions"],
        responses=responses.FEEDBACK_GIVEN, openapi_extra=requests.FEEDBACK, operation_id="feedback",
    )  # fmt: skip
    @needs(Permission.SCORE_EXECUTIONS)
    async def feedback(request: Request, execution_id: str) -> Response:
        """What somebody thinks of a completed execution. One score each: a later one takes its place."""
        service = service_of(request)
        body = await read_json_object(request, settings.max_body_bytes)
        by, score = _by(body), _score(body)
        execution = await _scorable(service, execution_id)
        kept = Feedback(service.ports.store, _rollout(service), settings.timing.outcome_ttl)
        await kept.give(execution, by, score)
        return json_response(
            {"execution_id": execution.id, "by": by, **score.model_dump(mode="json", exclude_none=True)}
        )


def _asked(request: Request, agent: Agent, prompt: str) -> tuple[Service, LiveRollout]:
    if prompt not in agent.prompts:
        raise HttpError(
            404,
            "unknown_prompt",
            f"{agent.name} asks no prompt {shown(prompt)}",
            prompts=sorted(agent.prompts),
        )
    service = service_of(request)
    return service, _rollout(service)


def _rollout(service: Service) -> LiveRollout:
    if service.rollout is None:
        raise HttpError(503, "no_rollout", f"{service.agent.name} runs without a rollout of its prompts")
    return service.rollout


def _orders(service: Service, rollout: LiveRollout) -> Orders:
    return Orders(service.agent.name, rollout, service.ports.prompts, partial(misfits, service.agent))


def _split(prompt: str, split: Split | None) -> Response:
    return json_response({"prompt": prompt, "split": described(split) if split else None})


def _shares(body: JsonObject) -> JsonObject:
    """Per cent by version, as a split is shown."""
    shares = body.get("shares")
    if set(body) - {"shares", "dearer"} or not isinstance(shares, dict) or not shares:
        what = " (not a list)" if isinstance(shares, list) else ""
        raise _invalid(f'send {{"shares": {{"1.0.0": 90, "1.1.0": 10}}}}{what}, and "dearer" if you want')
    return shares


def _by(body: JsonObject) -> str:
    by = body.get("by", "anonymous")
    if not isinstance(by, str) or not 1 <= len(by.strip()) <= NAME:
        raise _invalid(f"by is who says it, 1 to {NAME} characters")
    return by.strip()


def _score(body: JsonObject) -> Score:
    score, comment = body.get("score"), body.get("comment")
    if set(body) - {"score", "comment", "by"}:
        raise _invalid('send {"score": 0.5} with "comment" and "by" if you want, and nothing else')
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise _invalid("score is a number from 0, useless, to 1, just right")
    if not (comment is None or isinstance(comment, str)) or len(comment or "") > COMMENT:
        raise _invalid(f"comment is a text of at most {COMMENT} characters")
    return Score(score=score, comment=comment, at=datetime.now(UTC).isoformat())


async def _scorable(service: Service, execution_id: str) -> Execution:
    found = await service.runner.find(execution_id) if EXECUTION_ID.fullmatch(execution_id) else None
    if found is None:
        raise HttpError(
            404, "unknown_execution", f"{service.agent.name} knows no execution {shown(execution_id)}"
        )
    outcome = found.outcome
    if outcome is None or outcome.status != "completed":
        state = "failed" if outcome else "is not done yet"
        raise HttpError(409, "not_completed", f"execution {execution_id} {state}: there is nothing to score")
    if outcome.prompt is None:
        raise HttpError(409, "no_prompt", f"execution {execution_id} asked no prompt: there is none to score")
    return outcome


def _evaluated(folder: Path, prompt: str, version: str) -> float | None:
    """The score of a version's evaluation, whose record lies beside the version; None where there is no record that can be read.

    That one number is read here: what knows the whole record costs every agent a second and some memory.
    """
    try:
        score = from_json((folder / prompt / "evaluations" / f"{version}.json").read_bytes())["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(score) if isinstance(score, int | float) else None


def _invalid(message: str) -> HttpError:
    return HttpError(422, "invalid_input", message)
