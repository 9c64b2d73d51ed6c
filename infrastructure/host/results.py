"""What the API says of an execution (its result, its whole record, or that it is still at work) and of a task."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from agents.runtime.agent import DEAD_LETTERS, Task
from agents.runtime.runner import Found
from domain.execution import DeadLetter, Execution, Published
from domain.json import JsonObject, dump


def json_response(value: object) -> Response:
    return Response(dump(value), media_type="application/json")


def result(execution: Execution, *, replayed: bool) -> JsonObject:
    """The answer to a task: what it gave, and where its events went."""
    prompt = execution.prompt
    return {
        "execution_id": execution.id,
        "correlation_id": execution.correlation_id,
        "agent": execution.agent,
        "task": execution.task,
        "status": execution.status,
        "output": execution.output,
        "events": [{"id": event.id, "type": event.type} for event in execution.events],
        "prompt": {"name": prompt.name, "version": prompt.version} if prompt else None,
        "model": execution.model,
        "usage": execution.usage.model_dump(),
        "cost": execution.cost,
        "duration_ms": execution.duration_ms,
        "replayed": replayed,
    }


def record(found: Found) -> JsonObject:
    """The whole record, outgoing events as whole CloudEvents, and how it came to it; of unfinished work, what its claim knows."""
    claim, mark = found.claim, found.published or Published()
    story = {
        "history": history(found),
        "published_at": mark.at,
        "undeliverable": list(mark.undeliverable),
        "unapplied": list(mark.unapplied),
        "waits_for": claim.waits_for if claim and not found.outcome else None,
    }
    if (execution := found.outcome) is not None:
        hidden = {"v", "id", "digest", "events", "dead_letter"}
        document: JsonObject = execution.model_dump(mode="json", exclude=hidden)
        events: list[Any] = [event.model_dump(mode="json", exclude_none=True) for event in execution.events]
        return {"execution_id": execution.id, **document, "events": events, **story}
    assert claim is not None  # noqa: S101  # something was found
    trigger = claim.trigger
    return {
        "execution_id": claim.id,
        "agent": trigger.agent,
        "task": trigger.task,
        "status": "waiting" if claim.handed_back else "running",
        "correlation_id": trigger.root_correlation_id,
        "causation_id": trigger.causation_id,
        "trigger_source": trigger.source,
        "trigger_key": trigger.key,
        "started_at": claim.attempts[0].started_at,
        "attempts": claim.failures + 1,
        "replay_of": trigger.replay_of,
        **story,
    }


def history(found: Found) -> list[JsonObject]:
    """Who worked on it, one attempt after another, and why each ended."""
    attempts = [attempt.model_dump() for attempt in found.claim.attempts] if found.claim else []
    if attempts and found.outcome and attempts[-1]["ended"] is None:
        attempts[-1] |= {"ended": found.outcome.status, "ended_at": found.outcome.completed_at}
    return attempts


def dead_letter(letter: DeadLetter, found: Found | None) -> JsonObject:
    """A dead letter with all that is known of it: the original event whole, and why every attempt failed."""
    trigger = found.claim.trigger if found and found.claim else None
    outcome = found.outcome if found else None
    event = trigger.event.model_dump(mode="json", exclude_none=True) if trigger and trigger.event else None
    return {
        **letter.model_dump(mode="json"),
        "correlation_id": trigger.root_correlation_id if trigger else None,
        "causation_id": trigger.causation_id if trigger else None,
        "replay_of": trigger.replay_of if trigger else None,
        "error": outcome.error.model_dump(mode="json") if outcome and outcome.error else None,
        "prompt": outcome.prompt.model_dump(mode="json") if outcome and outcome.prompt else None,
        "history": history(found) if found else [],
        "original": event or (trigger.input if trigger else None),
    }


def described(task: Task, *, dead_letters: bool) -> JsonObject:
    """A task as `GET /tasks` and the command line show it; `dead_letters`: whether it is told of those."""
    schema = task.input.model_json_schema()
    return {
        "name": task.name,
        "description": task.description,
        "input": schema,
        "examples": schema.get("examples", []),
        "reacts_to": [
            reaction.event.event_type
            for reaction in task.reactions
            if dead_letters or not reaction.event.event_type.endswith(DEAD_LETTERS)
        ],
    }
