"""One agent, put together: what the HTTP API, the subscription and the shutdown have in common."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from starlette.requests import Request as HttpRequest

from agents.runtime.agent import Agent, Task
from agents.runtime.claims import Owner
from agents.runtime.context import Ports
from agents.runtime.correlations import Correlations
from agents.runtime.dead_letters import replay
from agents.runtime.intake import Intake
from agents.runtime.runner import Runner
from agents.runtime.timing import Timing
from agents.runtime.waiting import Pending, Request, Settled
from agents.runtime.watch import Watch
from domain.errors import DeadLetterSettled
from domain.event import Event
from domain.execution import Trigger
from domain.ports.pubsub import Subscription
from infrastructure.host.journal import Journal
from infrastructure.host.models import Other
from infrastructure.identity.audit import AuditTrail
from infrastructure.llm.spending.costs import CostBook
from infrastructure.rollout.live import LiveRollout

log = logging.getLogger(__name__)

RECEIVE_AGAIN = 1.0

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is wrong."""


@dataclass
class Service:
    """`checks` are asked by `/readyz`, each under its name; `closing` is awaited last, in order.

    `receive_dead_letters`: whether tasks that react to dead letters get them. `rollout` is that of the ports, where there is
    one: whoever makes the service starts it.
    """

    agent: Agent
    ports: Ports
    timing: Timing
    owner: Owner
    journal: Journal
    receive_dead_letters: bool = False
    rollout: LiveRollout | None = None
    costs: CostBook | None = None
    other_model: Other | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runner = Runner(self.agent, self.ports, self.timing, self.owner)
        self.audit = AuditTrail(self.ports.store, self.agent.name)
        self.correlations = Correlations(self.ports.store, self.timing.outcome_ttl)
        self.intake = Intake(
            self.agent,
            self.runner,
            self.correlations,
            self.ports.telemetry,
            dead_letters=self.receive_dead_letters,
        )
        self._receiving: asyncio.Task[None] | None = None
        self._stopped = False

    def subscribe(self, subscription: Subscription) -> None:
        """Begin to receive; `/readyz` tells whether every topic is open."""

        async def subscribed() -> str | None:
            return None if subscription.connected else "not every topic is subscribed yet"

        self.checks["subscription"] = subscribed
        self._receiving = asyncio.create_task(self._receive_for_ever(subscription))

    async def submit(
        self,
        task: Task,
        value: object,
        *,
        key: str | None,
        correlation_id: str | None,
        patience: float,
        traceparent: str | None = None,
        watch: Watch | None = None,
        caller: str = "local",
    ) -> tuple[Trigger, Settled | Pending]:
        """Accept a request: sent to the agent's own command topic, claimed, and run. Keys of two callers are two keys."""
        with self.ports.telemetry.span(f"execute {task.name}", "server", traceparent) as span:
            trigger = Trigger(
                agent=self.agent.name,
                task=task.name,
                source=f"/callers/{caller}",
                key=key or uuid4().hex,
                input=value,
                correlation_id=correlation_id,
                traceparent=span.traceparent or traceparent,
            )
            self.runner.work.prepare(trigger)
            request = Request(lambda: self._announce(trigger), patience, own_key=key is not None, watch=watch)
            return trigger, await self.runner.submit(trigger, request)

    async def replay(self, execution_id: str) -> Trigger:
        """Do the work of a dead letter again, as a new execution of this agent alone. Twice is once: it is the same one.

        Raises:
            UnknownDeadLetter, DeadLetterSettled

        """
        letter = await self.runner.dead_letters.get(execution_id)
        found = await self.runner.find(execution_id)
        if letter.state == "dropped":
            raise DeadLetterSettled(f"the dead letter {execution_id} was dropped: {letter.dropped_because}")
        if found is None or found.claim is None:
            raise DeadLetterSettled(f"the original of {execution_id} is not kept any more: publish it again")
        trigger = replay(found.claim)
        await self._announce(trigger)
        replayed_as = trigger.execution_id
        await self.runner.dead_letters.settle(execution_id, state="replayed", replayed_as=replayed_as)
        if letter.state == "open":
            self.ports.telemetry.count("agents.replays", attributes={"agent": self.agent.name})
        return trigger

    async def _announce(self, trigger: Trigger) -> None:
        if trigger.correlation_id is not None:
            await self.correlations.add(trigger.correlation_id, trigger.execution_id)
        topic = self.agent.commands_topic
        command = Event(
            id=trigger.execution_id,
            source=f"/agents/{self.agent.name}",
            type=topic,
            time=datetime.now(UTC).isoformat(),
            datacontenttype="application/json",
            correlationid=trigger.root_correlation_id,
            traceparent=trigger.traceparent,
            data=trigger.model_dump(mode="json", exclude_none=True),
        )
        await self.ports.publisher.publish(topic, command)

    async def stop(self, grace: float) -> None:
        """Stop intake, let what ends within `grace` seconds end, hand back the rest."""
        if self._stopped:
            return
        self._stopped = True
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.wait({self._receiving})
        await self.runner.drain(grace)
        self.journal.close()

    async def _receive_for_ever(self, subscription: Subscription) -> None:
        deliver = self.journal.noting(self.intake.deliver)
        while True:
            try:
                await subscription.run(self.agent.subscribed_topics, deliver)
            except Exception:
                log.exception("receiving ended: it begins again in %g s", RECEIVE_AGAIN)
            await asyncio.sleep(RECEIVE_AGAIN)

    async def close(self) -> None:
        if self.rollout is not None:
            await self.rollout.close()
        for close in self.closing:
            await close()


def rollout_of(agent: Agent, ports: Ports, owner: Owner) -> LiveRollout:
    """The rollout of an agent's prompts over the rest of its ports; it begins with `start`."""
    return LiveRollout(
        agent.name,
        agent.rolled_back_topic,
        store=ports.store,
        prompts=ports.prompts,
        publisher=ports.publisher,
        telemetry=ports.telemetry,
        replica=owner.name,
    )


def service_of(request: HttpRequest) -> Service:
    """The service that the lifespan put there."""
    service: Service = request.app.state.service
    return service
