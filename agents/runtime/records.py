"""The record of what came out of an execution: outcome or failure, its outgoing events, its dead letter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from agents.runtime.agent import COMMANDS, DEAD_LETTERS, Agent
from agents.runtime.context import Context
from agents.runtime.policy import status_of
from agents.runtime.timing import Timing
from agents.runtime.work import Ran
from domain.documents import encode
from domain.errors import TooLarge
from domain.event import Event, EventData, schema_of
from domain.events.dead_letters import DeadLettered
from domain.execution import Claim, DeadLetter, Execution, Failure, TokenUsage, Trigger
from domain.json import JsonObject, dump

Status: TypeAlias = Literal["completed", "failed"]

EXCERPT = 2_000
SHOWN = 300
"""Characters of an error's message in the dead-letter index."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An outcome and the document that holds it, encoded once."""

    execution: Execution
    data: bytes


class Records:
    """`began` is a time of the running loop: durations do not follow jumps of the machine's clock."""

    def __init__(self, agent: Agent, timing: Timing) -> None:
        self._agent = agent
        self._timing = timing

    def completed(self, claim: Claim, ran: Ran, context: Context, began: float) -> Recorded:
        """The record of a handler's outcome.

        Raises:
            TooLarge: the outcome does not fit into the store, or an event not through the broker.

        """
        outcome, trigger = ran.outcome, claim.trigger
        events = [self._event(trigger, i, data, ran.traceparent) for i, data in enumerate(outcome.events)]
        record = self._record(
            claim,
            "completed",
            claim.failures + 1,
            began,
            output=outcome.output.model_dump(mode="json"),
            events=events,
            changes=outcome.changes,
            **_asked(context),
        )
        return self._recorded(record)

    def failed(
        self,
        claim: Claim,
        failure: Failure,
        attempts: int,
        began: float,
        context: Context | None = None,
        *,
        answers: bool,
    ) -> Recorded:
        """The record of a failure. It is a dead letter, unless it answers a caller whose request was wrong.

        `context` is the last attempt's, with the prompt that it asked. `answers`: a caller waits for it.
        """
        record = self._record(claim, "failed", attempts, began)
        trigger = claim.trigger
        update: dict[str, object] = {"error": failure, **(_asked(context) if context else {})}
        wrong = status_of(failure.code) < HTTPStatus.INTERNAL_SERVER_ERROR
        if trigger.event or trigger.refusal or not (answers and wrong):
            update["dead_letter"] = _dead_letter(claim, failure, record)
            # What speaks of a dead letter and fails itself would speak of itself for ever: it is listed, not told.
            if not (trigger.event and trigger.event.type.endswith(DEAD_LETTERS)):
                update["events"] = (self._dead_lettered(trigger, failure, attempts),)
        return self._recorded(record.model_copy(update=update))

    def _recorded(self, record: Execution) -> Recorded:
        data = encode(record)
        if len(data) > self._timing.max_document_bytes:
            raise TooLarge(
                f"the outcome has {len(data)} bytes, the limit is {self._timing.max_document_bytes}"
            )
        if len(data) > self._timing.max_event_bytes:
            for event in record.events:
                if (size := len(event.to_json())) > self._timing.max_event_bytes:
                    raise TooLarge(
                        f"the event {event.type} has {size} bytes, the limit is {self._timing.max_event_bytes}"
                    )
        return Recorded(record, data)

    def _record(self, claim: Claim, status: Status, attempts: int, began: float, **fields: Any) -> Execution:
        trigger = claim.trigger
        now, lasted = datetime.now(UTC), asyncio.get_running_loop().time() - began
        return Execution(
            id=claim.id,
            agent=trigger.agent,
            task=trigger.task,
            status=status,
            correlation_id=trigger.root_correlation_id,
            causation_id=trigger.causation_id,
            trigger_source=trigger.source,
            trigger_key=trigger.key,
            digest=claim.digest,
            attempts=attempts,
            replay_of=trigger.replay_of,
            started_at=(now - timedelta(seconds=lasted)).isoformat(),
            completed_at=now.isoformat(),
            duration_ms=round(lasted * 1000, 1),
            **fields,
        )

    def _event(self, trigger: Trigger, index: int, data: EventData, traceparent: str | None) -> Event:
        if type(data) not in self._agent.emits:
            raise TypeError(
                f"{self._agent.name} emits {type(data).__name__} without declaring it in AGENT.publishes"
            )
        return self._envelope(
            trigger,
            str(index),
            data.event_type,
            data.data_schema(),
            data.model_dump(mode="json"),
            subject=data.subject,
            traceparent=traceparent or trigger.traceparent,
        )

    def _dead_lettered(self, trigger: Trigger, failure: Failure, attempts: int) -> Event:
        original: Any = trigger.input
        if trigger.event is not None:
            original = trigger.event.model_dump(mode="json", exclude_none=True)
        if len(dump(original)) > self._timing.max_event_bytes // 2:
            original = excerpt(trigger)
        letter = DeadLettered.model_construct(  # what is told of a stranger's command is the stranger's: it may not fit
            execution_id=trigger.execution_id,
            agent=trigger.agent,
            task=trigger.task,
            cause=failure.code,
            message=failure.message[:2000],
            attempts=attempts,
            original=original,
        )
        kind = self._agent.dead_letter_topic
        schema = schema_of(kind)
        payload = letter.model_dump(mode="json")
        return self._envelope(trigger, "dead-letter", kind, schema, payload, traceparent=trigger.traceparent)

    def _envelope(
        self,
        trigger: Trigger,
        index: str,
        kind: str,
        schema: str,
        data: object,
        *,
        subject: str | None = None,
        traceparent: str | None,
    ) -> Event:
        return Event.of_agent(
            self._agent.name,
            kind,
            identity=str(uuid5(NAMESPACE_URL, f"{trigger.execution_id}/{index}")),
            data=data,
            dataschema=schema,
            correlationid=trigger.root_correlation_id,
            causationid=trigger.causation_id,
            hops=trigger.hops,
            subject=subject,
            traceparent=traceparent,
        )


def _asked(context: Context) -> dict[str, Any]:
    usage = TokenUsage(input_tokens=context.usage.input_tokens, output_tokens=context.usage.output_tokens)
    return {"prompt": context.prompt, "model": context.model, "usage": usage, "cost": context.cost}


def _dead_letter(claim: Claim, failure: Failure, record: Execution) -> DeadLetter:
    trigger = claim.trigger
    return DeadLetter(
        id=claim.id,
        agent=trigger.agent,
        task=trigger.task,
        cause=failure.code,
        message=failure.message[:SHOWN],
        event_type=trigger.event.type if trigger.event else None,
        event_id=trigger.key,
        source=trigger.source,
        size=size_of(trigger),
        replayable=is_whole(trigger),
        attempts=record.attempts,
        first_seen=claim.attempts[0].started_at or record.started_at,
        last_seen=record.completed_at,
    )


def is_whole(trigger: Trigger) -> bool:
    """Whether there is enough of the original to do its work again; a refused command has never been work."""
    return trigger.refusal is None or (
        trigger.event is not None and not trigger.event.type.endswith(COMMANDS)
    )


def size_of(trigger: Trigger) -> int:
    """Bytes of the original, also when only an excerpt of it is left."""
    if trigger.refusal is not None and trigger.event is None:
        return int(trigger.input["size"])
    return len(dump(trigger.event or trigger.input))


def excerpt(trigger: Trigger) -> JsonObject:
    """What stands for an original that is too large to be kept or sent whole."""
    data = dump(trigger.event or trigger.input)
    return {"digest": trigger.digest, "size": len(data), "excerpt": data[:EXCERPT].decode(errors="replace")}
