"""Agents in memory: no sidecar, no broker, no model, the real runtime. Below `infrastructure.testing.platform`, which
is what a test of a handler uses; this is for tests of the runtime itself.

    async with MemoryPlatform([IMPLEMENTATION, NOTIFICATION]) as platform:
        execution = await platform.execute("test-planning", "generate-spec", {"feature_title": "Login", …})
        await platform.quiet()
        assert [event.type for event in platform.events] == […]

Without a script the model answers with the smallest JSON that fits each prompt's schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from agents.runtime.agent import Agent
from agents.runtime.claims import Owner
from agents.runtime.context import Ports
from agents.runtime.timing import Timing
from agents.runtime.waiting import Settled
from domain.event import Event
from domain.execution import Execution
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore
from infrastructure.host.journal import Journal
from infrastructure.host.service import Service, rollout_of
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.pubsub import MemoryBroker
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.prompts.registry import load_prompts
from infrastructure.testing.mortal import Life, MortalPublisher, MortalStore

PROMPTS = Path(__file__).parents[2] / "prompts"
QUICK = Timing(lease=0.2, redelivery_after=0.4)


class MemoryPlatform:
    """`effects` maps ports to adapters, as in production; `prompts` serves every agent, else their folders do.

    With `rollout` prompts can be split and figures are kept, each replica with its own eyes on the store.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        model: LanguageModel | None = None,
        prompts: PromptRegistry | None = None,
        effects: Mapping[type[Any], object] | None = None,
        timing: Timing = QUICK,
        receive_dead_letters: bool = True,
        rollout: bool = False,
    ) -> None:
        self.broker = MemoryBroker()
        self.telemetry = MemoryTelemetry()
        self.model = model or ScriptedModel()
        self.stores = {agent.name: MemoryStateStore() for agent in agents}
        self._agents = agents
        self._prompts = prompts
        self._effects = effects or {}
        self._timing = timing
        self._receive_dead_letters = receive_dead_letters
        self._with_rollout = rollout
        self.services: dict[str, Service] = {}

    async def __aenter__(self) -> Self:
        for agent in self._agents:
            service = self.service(agent)
            self.services[agent.name] = service
            if service.rollout is not None:
                service.rollout.start()
            service.subscribe(self.broker.subscription())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in self.services.values():
            await service.stop(grace=1.0)
            await service.close()

    def service(self, agent: Agent) -> Service:
        """One more replica of an agent, on the same store and broker; not yet subscribed."""
        return self._service(agent, self.stores[agent.name], self.broker)

    def mortal(self, agent: Agent, life: Life) -> Service:
        """The same, as a process that can die."""
        store = MortalStore(self.stores[agent.name], life)
        return self._service(agent, store, MortalPublisher(self.broker, life, agent.commands_topic))

    async def execute(
        self,
        agent: str,
        task: str,
        value: object,
        *,
        key: str | None = None,
        correlation_id: str | None = None,
    ) -> Execution:
        """As over HTTP; waits for the outcome, completed or failed."""
        service = self.services[agent]
        declared = service.agent.tasks[task]
        _, settled = await service.submit(
            declared, value, key=key or uuid4().hex, correlation_id=correlation_id, patience=30
        )
        assert isinstance(settled, Settled), settled  # noqa: S101  # the kit is for tests
        return settled.execution

    def publish(self, event: Event) -> None:
        self.broker.send(event.type, event.to_json())

    @property
    def events(self) -> list[Event]:
        """Every event that was published, without the agents' commands to themselves."""
        return [
            event
            for event in map(_event, self.broker.published)
            if event and not event.type.endswith(".execution.requested")
        ]

    async def quiet(self, seconds: float = 0.1) -> None:
        """Return once nothing runs and nothing new was published for so long."""
        seen = -1
        while seen != len(self.broker.published) or any(s.runner.running for s in self.services.values()):
            seen = len(self.broker.published)
            await asyncio.sleep(seconds)

    def _service(self, agent: Agent, store: StateStore, publisher: Publisher) -> Service:
        prompts = self._prompts or _loaded(agent.name, _looks(PROMPTS / agent.name))
        owner = Owner(f"{agent.name}@memory:{uuid4().hex[:4]}")
        ports = Ports(
            store=store,
            publisher=publisher,
            model=self.model,
            prompts=prompts,
            telemetry=self.telemetry,
            effects=self._effects,
        )
        rollout = rollout_of(agent, ports, owner) if self._with_rollout else None
        return Service(
            agent,
            replace(ports, rollout=rollout),
            self._timing,
            owner,
            Journal(),
            receive_dead_letters=self._receive_dead_letters,
            rollout=rollout,
        )


def _event(published: tuple[str, bytes]) -> Event | None:
    try:
        return Event.from_json(published[1])
    except ValueError:
        return None


@cache
def _loaded(agent: str, looks: tuple[tuple[str, int, int], ...]) -> PromptRegistry:
    """Read and compiled once for as long as the files look the same: a test takes milliseconds, its prompts would take tens."""
    del looks
    return load_prompts(PROMPTS / agent)


def _looks(folder: Path) -> tuple[tuple[str, int, int], ...]:
    files = [(str(path), path.stat()) for path in sorted(folder.glob("*/*"))]
    return tuple((path, state.st_mtime_ns, state.st_size) for path, state in files)
