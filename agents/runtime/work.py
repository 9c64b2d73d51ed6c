"""One attempt at an execution: validate its input, run the handler, and make the record of what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ValidationError

from agents.runtime.agent import Agent, Task
from agents.runtime.context import Context, Ports
from agents.runtime.documents import encode
from agents.runtime.entities import Entities
from agents.runtime.outcome import Outcome
from agents.runtime.timing import Timing
from domain.errors import DeadlineExceeded, InvalidInput, Rejected, TooLarge
from domain.event import Event, EventData
from domain.execution import Execution, Failure, TokenUsage, Trigger
from domain.json import dump

Status: TypeAlias = Literal["completed", "failed"]

MAX_HOPS = 16
EXCERPT = 2_000
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of a handler left: its outcome, and the context with what it asked."""

    outcome: Outcome
    context: Context
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An outcome and the document that holds it, encoded once."""

    execution: Execution
    data: bytes


class Work:
    """Runs the tasks of one agent; knows nothing of claims."""

    def __init__(self, agent: Agent, ports: Ports, timing: Timing) -> None:
        self._agent = agent
        self._ports = ports
        self._timing = timing
        self.entities = Entities(ports.store, agent.changes)

    async def run(
        self,
        trigger: Trigger,
        still_mine: Callable[[], Awaitable[None]],
        on_text: Callable[[str], None] | None = None,
    ) -> Ran:
        """Run the handler once, under its deadline."""
        task, value = self.prepare(trigger)
        context = Context(
            trigger.execution_id,
            correlation_id(trigger),
            ports=self._ports,
            entities=self.entities,
            still_mine=still_mine,
            on_text=on_text,
        )
        attributes = {
            "agents.agent": self._agent.name,
            "agents.task": task.name,
            "agents.execution_id": trigger.execution_id,
        }
        try:
            with self._ports.telemetry.span(f"task {task.name}", attributes=attributes) as span:
                async with asyncio.timeout(task.deadline) as deadline:
                    outcome = await task.handler(value, context)
                await self.entities.rehearse(outcome.changes)
                return Ran(outcome, context, span.traceparent)
        except TimeoutError:
            if not deadline.expired():  # the handler's own
                raise
            raise DeadlineExceeded(
                f"{self._agent.name}/{task.name} did not end within its deadline of {task.deadline:g} s"
            ) from None

    def prepare(self, trigger: Trigger) -> tuple[Task, BaseModel]:
        """The task and its validated input, or `Rejected`."""
        task = self._agent.tasks.get(trigger.task)
        if task is None:
            raise Rejected(
                f"{self._agent.name} has no task {trigger.task}; it has {', '.join(self._agent.tasks)}"
            )
        if trigger.hops > MAX_HOPS:
            raise Rejected(
                f"the chain is longer than {MAX_HOPS} events: agents that answer each other in a loop?"
            )
        try:
            if trigger.event is None:
                return task, task.input.model_validate(trigger.input)
            reaction = next(r for r in task.reactions if r.event.event_type == trigger.event.type)
            return task, reaction.to_input(reaction.event.model_validate(trigger.event.data))
        except ValidationError as error:
            raise invalid_input(error) from None
        except StopIteration:
            raise Rejected(
                f"{self._agent.name}/{task.name} does not react to the events it was given"
            ) from None

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

    def measure(self, record: Execution) -> None:
        """Count an outcome, once, where it was recorded."""
        labels = {"agent": record.agent, "task": record.task, "status": record.status}
        self._ports.telemetry.count("agents.executions", attributes=labels)
        self._ports.telemetry.record("agents.execution.duration", record.duration_ms / 1000, labels)

    def _record(self, trigger: Trigger, status: Status, started_at: datetime, attempts: int) -> Execution:
        now = datetime.now(UTC)
        return Execution.model_construct(
            id=trigger.execution_id,
            agent=trigger.agent,
            task=trigger.task,
            status=status,
            correlation_id=correlation_id(trigger),
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
        size = len(dump(original))
        if size > self._timing.max_event_bytes // 2:
            excerpt = dump(original)[:EXCERPT].decode(errors="replace")
            original = {"digest": trigger.digest, "size": size, "excerpt": excerpt}
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
            correlationid=correlation_id(trigger),
            causationid=trigger.causation_id,
            agentid=self._agent.name,
            hops=trigger.hops,
            traceparent=trigger.traceparent,
            data=data,
        )


def correlation_id(trigger: Trigger) -> str:
    """The given one, else the root execution's id."""
    return trigger.correlation_id or trigger.execution_id


def invalid_input(error: ValidationError) -> InvalidInput:
    """Every field that is wrong, by its path."""
    problems = [
        # An unknown field's name is the sender's own text, of any length.
        {"field": ".".join(map(str, p["loc"]))[:LONGEST_PATH] or "input", "problem": p["msg"]}
        for p in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    fields = ", ".join(dict.fromkeys(p["field"] for p in problems[:5]))
    return InvalidInput(f"the input does not fit: {fields}", errors=problems[:50])
