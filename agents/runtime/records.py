"""The record of what came out of an execution: outcome or failure, its outgoing events, its dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from agents.runtime.agent import Agent
from agents.runtime.documents import encode
from agents.runtime.timing import Timing
from agents.runtime.work import Ran
from domain.errors import TooLarge
from domain.event import Event, EventData
from domain.execution import Execution, Failure, TokenUsage, Trigger
from domain.json import JsonObject, dump

Status: TypeAlias = Literal["completed", "failed"]

EXCERPT = 2_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """An outcome and the document that holds it, encoded once."""

    execution: Execution
    data: bytes


class Records:
    def __init__(self, agent: Agent, timing: Timing) -> None:
        self._agent = agent
        self._timing = timing

    def completed(self, trigger: Trigger, ran: Ran, started_at: datetime, attempts: int) -> Recorded:
        """The record of a handler's outcome.

        Raises:
            TooLarge: the outcome does not fit into the store, or an event not through the broker.

        """
        outcome, context = ran.outcome, ran.context
        record = self._record(trigger, "completed", started_at, attempts).model_copy(
            update={
                "prompt": context.prompt,
                "model": context.model,
                "usage": TokenUsage(
                    input_tokens=context.usage.input_tokens, output_tokens=context.usage.output_tokens
                ),
                "output": outcome.output.model_dump(mode="json"),
                "events": tuple(
                    self._event(trigger, i, data, ran.traceparent) for i, data in enumerate(outcome.events)
                ),
                "changes": tuple(outcome.changes),
            }
        )
        return self._recorded(record)

    def failed(self, trigger: Trigger, failure: Failure, started_at: datetime, attempts: int) -> Recorded:
        """The record of a failure; its outgoing event is the dead letter, when an event caused it."""
        record = self._record(trigger, "failed", started_at, attempts)
        from_broker = trigger.event is not None or trigger.refusal is not None
        letters = (self._dead_letter(trigger, failure, attempts),) if from_broker else ()
        return self._recorded(record.model_copy(update={"error": failure, "events": letters}))

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

    def _record(self, trigger: Trigger, status: Status, started_at: datetime, attempts: int) -> Execution:
        now = datetime.now(UTC)
        return Execution.model_construct(
            id=trigger.execution_id,
            agent=trigger.agent,
            task=trigger.task,
            status=status,
            correlation_id=trigger.root_correlation_id,
            causation_id=trigger.causation_id,
            trigger_source=trigger.source,
            trigger_key=trigger.key,
            digest=trigger.digest,
            attempts=attempts,
            started_at=started_at.isoformat(),
            completed_at=now.isoformat(),
            duration_ms=round((now - started_at).total_seconds() * 1000, 1),
        )

    def _event(self, trigger: Trigger, index: int, data: EventData, traceparent: str | None) -> Event:
        if type(data) not in self._agent.emits:
            raise TypeError(
                f"{self._agent.name} emits {type(data).__name__} without declaring it in AGENT.publishes"
            )
        payload = data.model_dump(mode="json")
        envelope = self._envelope(trigger, str(index), data.event_type, data.data_schema(), payload)
        return envelope.model_copy(
            update={"subject": data.subject, "traceparent": traceparent or trigger.traceparent}
        )

    def _dead_letter(self, trigger: Trigger, failure: Failure, attempts: int) -> Event:
        original: Any = trigger.input
        if trigger.event is not None:
            original = trigger.event.model_dump(mode="json", exclude_none=True)
        if len(dump(original)) > self._timing.max_event_bytes // 2:
            original = excerpt(trigger)
        data = {
            "execution_id": trigger.execution_id,
            "task": trigger.task,
            "cause": failure.code,
            "message": failure.message,
            "attempts": attempts,
            "original": original,
        }
        kind = self._agent.dead_letter_topic
        return self._envelope(trigger, "dead-letter", kind, f"urn:my-agents:schema:{kind}:1.0", data)

    def _envelope(self, trigger: Trigger, index: str, kind: str, schema: str, data: object) -> Event:
        return Event.model_construct(
            id=str(uuid5(NAMESPACE_URL, f"{trigger.execution_id}/{index}")),
            source=f"/agents/{self._agent.name}",
            type=kind,
            time=datetime.now(UTC).isoformat(),
            datacontenttype="application/json",
            dataschema=schema,
            correlationid=trigger.root_correlation_id,
            causationid=trigger.causation_id,
            agentid=self._agent.name,
            hops=trigger.hops,
            traceparent=trigger.traceparent,
            data=data,
        )


def excerpt(trigger: Trigger) -> JsonObject:
    """What stands for an original that is too large to be kept or sent whole."""
    data = dump(trigger.event or trigger.input)
    return {"digest": trigger.digest, "size": len(data), "excerpt": data[:EXCERPT].decode(errors="replace")}
