"""The platform for tests of handlers: give it agents, an event or a request, and look at what happened.

    async with platform(AGENT, model=Model(generate_code=CODE)) as p:
        out = await p.publish(SpecGenerated(...))
        assert out.one(CodeGenerated).language == "python"

Each call returns once nothing is left to do, so that a test neither polls nor sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from agents.runtime.agent import Agent
from agents.runtime.timing import Timing
from domain.event import Event, EventData
from domain.execution import Execution, execution_id
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from infrastructure.memory.pubsub import MemorySubscription
from infrastructure.testing.happened import Happened
from infrastructure.testing.model import Model
from infrastructure.testing.mortal import POINTS, Life, MortalSubscription, Point
from infrastructure.testing.platform import QUICK, MemoryPlatform

Entity = TypeVar("Entity", bound=BaseModel)
PATIENCE = 10.0
"""Seconds, real ones also in virtual time, until a test is told that something goes on for ever."""
FIRST_LOOK, LAST_LOOK = 0.0005, 0.05
"""Seconds between two looks at whether all is quiet: a handler's test is over in milliseconds, one that waits costs little."""


def platform(
    *agents: Agent,
    model: LanguageModel | None = None,
    prompts: PromptRegistry | None = None,
    effects: Mapping[type[Any], object] | None = None,
    timing: Timing = QUICK,
) -> Platform:
    """The agents on the real runtime, in this process: no sidecar, no broker, no network.

    `effects` maps ports to adapters, as in production; `prompts` serves every agent, else their folders under prompts/ do.
    """
    return Platform(agents, model=model, prompts=prompts, effects=effects, timing=timing)


class Platform:
    """Made by `platform()`; `memory` is what lies below it: broker, stores, services."""

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        model: LanguageModel | None,
        prompts: PromptRegistry | None,
        effects: Mapping[type[Any], object] | None,
        timing: Timing,
    ) -> None:
        self.model = model or Model()
        self.memory = MemoryPlatform(
            agents, model=self.model, prompts=prompts, effects=effects, timing=timing
        )
        self._agents = {agent.name: agent for agent in agents}
        self._subscriptions: dict[str, MemorySubscription] = {}
        self._lives: dict[str, Life] = {}
        self.deaths = 0
        self._doom: list[Point] = []
        self._replacing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for agent in self._agents.values():
            self._subscriptions[agent.name] = self.memory.broker.subscription()
            self._start(agent)
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.memory.__aexit__(kind, error, trace)
        if self._doom and error is None:
            raise AssertionError(f"no process came to {self._doom[0]!r}, after which it was to crash")

    @property
    def events(self) -> list[Event]:
        """Everything that was published, what the test itself published too, without the agents' commands to themselves."""
        return self.memory.events

    async def run(
        self,
        task: str,
        value: object,
        *,
        agent: str | None = None,
        key: str | None = None,
        correlation_id: str | None = None,
    ) -> Happened:
        """Ask for a task as over HTTP; `agent` is needed where the platform has several that know such a task.

        Raises:
            InvalidInput: the input does not fit the task, as the API would answer with 422.

        """
        service = self.memory.services[agent or self._who_has(task)]
        name, key, before = service.agent.name, key or uuid4().hex, len(self.events)
        given = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        asked = asyncio.ensure_future(
            service.submit(
                service.agent.tasks[task], given, key=key, correlation_id=correlation_id, patience=PATIENCE
            )
        )
        death = asyncio.ensure_future(self._lives[name].over.wait())
        try:
            await asyncio.wait({asked, death}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not death.done():
                await asked  # raises what the API would answer
        finally:
            asked.cancel()
            death.cancel()
            await asyncio.gather(asked, death, return_exceptions=True)
        identity = execution_id(name, task, "/callers/local", key)
        return await self._settled([(name, identity)], before)

    async def publish(
        self, event: EventData | Event, *, source: str = "/tests", correlation_id: str | None = None
    ) -> Happened:
        """An event as any publisher may send it; wait for all that it sets off."""
        return await self._deliver(_enveloped(event, source, correlation_id), times=1)

    async def deliver_twice(self, event: EventData | Event, *, source: str = "/tests") -> Happened:
        """The same event two times at once, as a broker may deliver it. Nothing may happen twice for it."""
        return await self._deliver(_enveloped(event, source), times=2)

    def crash_after(self, point: Point) -> None:
        """Kill the next process that gets there, once; another one takes its place and its work over, a lease later.

        `claim`: the work is claimed; `handler`: it has returned, nothing is recorded; `outcome`: it is recorded, nothing is
        published; `publication`: the first event is out. Asked for twice, two processes die, in this order.
        """
        if point not in POINTS:
            raise ValueError(f"no point {point!r}; there are: {', '.join(POINTS)}")
        self._doom.append(point)

    async def read(self, entity: type[Entity], entity_id: str, *, agent: str | None = None) -> Entity | None:
        """An entity as it is now, of the first agent unless another is named."""
        service = self.memory.services[agent or next(iter(self._agents))]
        return await service.runner.work.entities.read(entity, entity_id)

    async def quiet(self) -> None:
        """Until nothing is left to do."""
        patience, pause = monotonic() + PATIENCE, FIRST_LOOK
        while not self._idle():
            if monotonic() > patience:
                working = [name for name, one in self.memory.services.items() if one.runner.running]
                raise AssertionError(
                    f"after {PATIENCE:g} s something is still to do: {', '.join(working) or 'messages nobody answers'}"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LAST_LOOK)

    def _start(self, agent: Agent) -> None:
        name = agent.name

        def die() -> None:
            self.deaths += 1
            replacing = asyncio.create_task(self._replace(agent))
            self._replacing.add(replacing)
            replacing.add_done_callback(self._replacing.discard)

        self._lives[name] = life = Life(self._is_doomed, die)
        self.memory.services[name] = service = self.memory.mortal(agent, life)
        service.subscribe(MortalSubscription(self._subscriptions[name], life))

    async def _replace(self, agent: Agent) -> None:
        while self._subscriptions[agent.name].connected:  # noqa: ASYNC110  # the broker learns of the death
            await asyncio.sleep(0)
        self._start(agent)

    def _is_doomed(self, point: Point) -> bool:
        if self._doom[:1] == [point]:
            self._doom.pop(0)
            return True
        return False

    def _idle(self) -> bool:
        """An agent's commands to itself come back to it when the caller has its answer already: nobody waits for them."""
        return not self._replacing and all(
            self._subscriptions[name].connected
            and self._subscriptions[name].idle(besides=service.agent.commands_topic)
            and not service.runner.running
            for name, service in self.memory.services.items()
        )

    async def _deliver(self, event: Event, times: int) -> Happened:
        before = len(self.events) + times
        for _ in range(times):
            self.memory.publish(event)
        started = [
            (name, execution_id(name, task.name, event.source, event.id))
            for name, agent in self._agents.items()
            for task, _ in agent.reactions_to(event.type)
        ]
        return await self._settled(started, before)

    async def _settled(self, started: Sequence[tuple[str, str]], before: int) -> Happened:
        await self.quiet()
        executions = [await self._outcome(name, identity) for name, identity in started]
        return Happened(
            executions=[one for one in executions if one is not None], events=self.events[before:]
        )

    async def _outcome(self, agent: str, identity: str) -> Execution | None:
        """Of a request whose process died, the command leads back to it, a moment after all is quiet."""
        patience = monotonic() + PATIENCE
        while monotonic() < patience:
            found = await self.memory.services[agent].runner.find(identity)
            if found is not None and found.outcome is not None:
                await self.quiet()
                return found.outcome
            await asyncio.sleep(FIRST_LOOK)
        return None

    def _who_has(self, task: str) -> str:
        found = [name for name, agent in self._agents.items() if task in agent.tasks]
        if len(found) != 1:
            known = ", ".join(f"{name}/{one}" for name, agent in self._agents.items() for one in agent.tasks)
            several = f"several agents have a task {task}: say agent=" if found else f"no task {task}"
            raise AssertionError(f"{several}; there are: {known}")
        return found[0]


def _enveloped(event: EventData | Event, source: str, correlation_id: str | None = None) -> Event:
    if isinstance(event, Event):
        return event
    return Event(
        id=uuid4().hex,
        source=source,
        type=event.event_type,
        subject=event.subject,
        dataschema=event.data_schema(),
        correlationid=correlation_id,
        data=event.model_dump(mode="json"),
    )
