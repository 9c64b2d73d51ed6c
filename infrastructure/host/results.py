"""What the API says of an execution: its result, its whole record, or that it is still at work."""

from __future__ import annotations

from typing import Any

from domain.execution import Claim, Execution
from domain.json import JsonObject


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
        "duration_ms": execution.duration_ms,
        "replayed": replayed,
    }


def record(found: Execution | Claim) -> JsonObject:
    """The whole record, outgoing events as whole CloudEvents; of unfinished work, what its claim knows."""
    if isinstance(found, Execution):
        document: JsonObject = found.model_dump(mode="json", exclude={"v", "id", "digest", "events"})
        events: list[Any] = [event.model_dump(mode="json", exclude_none=True) for event in found.events]
        return {"execution_id": found.id, **document, "events": events}
    trigger = found.trigger
    return {
        "execution_id": found.id,
        "agent": trigger.agent,
        "task": trigger.task,
        "status": "waiting" if found.handed_back else "running",
        "correlation_id": trigger.root_correlation_id,
        "causation_id": trigger.causation_id,
        "trigger_source": trigger.source,
        "trigger_key": trigger.key,
        "started_at": found.attempts[0].started_at,
        "attempts": [attempt.model_dump() for attempt in found.attempts],
    }
