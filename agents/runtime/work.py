"""One run of a handler: validate its input, give it its context, hold it to its deadline."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from agents.runtime.agent import Agent, Task
from agents.runtime.context import Context, Ports, StillMine
from agents.runtime.entities import Entities
from agents.runtime.outcome import Outcome
from agents.runtime.watch import Watch
from domain.errors import DeadlineExceeded, InvalidInput, Rejected
from domain.execution import Trigger
from domain.figures import Answered

MAX_HOPS = 16
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of a handler left."""

    outcome: Outcome
    traceparent: str | None


class Work:
    """Runs the tasks of one agent; knows nothing of claims."""

    def __init__(self, agent: Agent, ports: Ports) -> None:
        self._agent = agent
        self._ports = ports
        self.entities = Entities(ports.store, agent.changes)
        self._slots = {task.name: asyncio.Semaphore(task.concurrency) for task in agent.tasks.values()}

    def context(
        self,
        trigger: Trigger,
        still_mine: StillMine,
        answers: list[Answered],
        watch: Watch | None = None,
    ) -> Context:
        """A fresh one for each attempt."""
        return Context(
            trigger.execution_id,
            trigger.root_correlation_id,
            agent=self._agent.name,
            task=trigger.task,
            ports=self._ports,
            entities=self.entities,
            still_mine=still_mine,
            answers=answers,
            watch=watch,
        )

    async def run(self, trigger: Trigger, context: Context) -> Ran:
        """Run the handler once, under its deadline."""
        task, value = self.prepare(trigger)
        attributes = {
            "agents.agent": self._agent.name,
            "agents.task": task.name,
            "agents.execution_id": trigger.execution_id,
        }
        try:
            async with self._slots[task.name]:
                with self._ports.telemetry.span(f"task {task.name}", attributes=attributes) as span:
                    async with asyncio.timeout(task.deadline) as deadline:
                        outcome = await task.handler(value, context)
                    return Ran(outcome, span.traceparent)
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


def invalid_input(error: ValidationError) -> InvalidInput:
    """Every field that is wrong, by its path."""
    problems = [
        # An unknown field's name is the sender's own text, of any length.
        {"field": ".".join(map(str, p["loc"]))[:LONGEST_PATH] or "input", "problem": p["msg"]}
        for p in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    fields = ", ".join(dict.fromkeys(p["field"] for p in problems[:5]))
    return InvalidInput(f"the input does not fit: {fields}", errors=problems[:50])
