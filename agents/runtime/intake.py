"""From a message of the broker to executions: parse, find who reacts, let the runner settle each."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence

from pydantic import ValidationError

from agents.runtime.agent import DEAD_LETTERS, Agent
from agents.runtime.correlations import Correlations
from agents.runtime.records import EXCERPT
from agents.runtime.runner import Runner
from agents.runtime.timing import backoff
from domain.errors import TooLarge, Unavailable
from domain.event import Event
from domain.execution import Failure, Trigger
from domain.ports.pubsub import Answer
from domain.ports.telemetry import Telemetry

log = logging.getLogger(__name__)

KEPT = 65_536
"""Bytes of a message that is no CloudEvent which are kept whole, for whoever looks at its dead letter."""
LARGEST = 4 * 2**20
"""Bytes of a message that is read at all: twice what a claim may hold. Reading 100 MB would stop everything else for seconds."""
PAUSE = 1.0
HEADSTART = 0.05
"""Seconds for the replica that sent a request to itself to claim it: its caller waits there, and gets the model's text there."""
OURS = "/agents/"
"""Sources that begin so are agents; whoever else gives a correlation id brings it in."""


class Intake:
    """`deliver` is what subscriptions call. It answers for every message and never raises.

    `dead_letters`: whether tasks that react to dead letters get them. They are received in any case and passed over: else
    the broker would keep them for the day when they are wanted, and tell all of them then.
    """

    def __init__(
        self,
        agent: Agent,
        runner: Runner,
        correlations: Correlations,
        telemetry: Telemetry,
        *,
        dead_letters: bool,
    ) -> None:
        self._dead_letters = dead_letters
        self._agent = agent
        self._runner = runner
        self._correlations = correlations
        self._telemetry = telemetry

    async def deliver(self, topic: str, message: bytes) -> Answer:
        try:
            return await self._deliver(topic, message)
        except Exception:
            # A bug of ours. Without an answer the sidecar would keep one of its workers for this message for ever.
            log.exception("a message on %s is left to the broker", topic)
            await asyncio.sleep(PAUSE)  # some brokers would deliver it again at once
            return Answer.RETRY

    async def _deliver(self, topic: str, message: bytes) -> Answer:
        if topic.endswith(DEAD_LETTERS) and not self._dead_letters:
            return Answer.SUCCESS
        if len(message) > LARGEST:
            problem = f"the message has {len(message)} bytes, the limit is {LARGEST}"
            return await self._refuse(topic, message, Failure(code=TooLarge.code, message=problem))
        try:
            event = Event.from_json(message)
        except ValueError as error:
            problem = f"no CloudEvent: {error}"
            return await self._refuse(topic, message, Failure(code="unreadable", message=problem))
        attributes = {
            "messaging.system": "dapr",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.message.id": event.id,
        }
        with self._telemetry.span(f"process {topic}", "consumer", event.traceparent, attributes):
            return await self._settle(topic, event)

    async def _settle(self, topic: str, event: Event) -> Answer:
        triggers = self._triggers(topic, event)
        if not triggers:
            log.warning(
                "event %s of type %s on %s is not for %s", event.id, event.type, topic, self._agent.name
            )
            return Answer.SUCCESS
        if event.correlationid and not event.source.startswith(OURS):
            await self._index(event.correlationid, triggers)
        if topic == self._agent.commands_topic:
            await asyncio.sleep(HEADSTART)
        if len(triggers) == 1:
            return await self._runner.deliver(triggers[0])
        answers = await asyncio.gather(*map(self._runner.deliver, triggers))
        return Answer.RETRY if Answer.RETRY in answers else Answer.SUCCESS

    async def _index(self, correlation_id: str, triggers: Sequence[Trigger]) -> None:
        """Held while the store is down, like the work itself."""
        failures = 0
        for trigger in triggers:
            while True:
                try:
                    await self._correlations.add(correlation_id, trigger.execution_id)
                    break
                except Unavailable as error:
                    log.warning("an event of %s is held: %s", correlation_id, error)
                    await asyncio.sleep(backoff(failures))
                    failures += 1

    def _triggers(self, topic: str, event: Event) -> list[Trigger]:
        if topic == self._agent.commands_topic:
            return [self._command(event)]
        return [
            Trigger(
                agent=self._agent.name,
                task=task.name,
                source=event.source,
                key=event.id,
                correlation_id=event.correlationid,
                causation_id=event.id,
                hops=event.hops + 1,
                traceparent=event.traceparent,
                event=event,
            )
            for task, _ in self._agent.reactions_to(event.type)
        ]

    def _command(self, event: Event) -> Trigger:
        """The request inside a command; a foreign one that fits nothing is refused under the event's identity."""
        try:
            trigger = Trigger.model_validate(event.data)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            refusal = Failure(
                code="rejected", message=f"no command: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            )
        else:
            replay = trigger.replay_of is not None
            if trigger.agent == self._agent.name and (replay or not trigger.event) and not trigger.refusal:
                return trigger
            refusal = Failure(code="rejected", message=f"no command for {self._agent.name}")
        return Trigger(
            agent=self._agent.name,
            task="execute",
            source=event.source,
            key=event.id,
            correlation_id=event.correlationid,
            causation_id=event.id,
            event=event,
            refusal=refusal,
        )

    async def _refuse(self, topic: str, message: bytes, failure: Failure) -> Answer:
        """What is no CloudEvent, or too large to be read, gets the hash of its bytes for an identity, and a dead letter."""
        log.warning("a message on %s cannot be used: %s", topic, failure.message)
        kept = message if len(message) <= KEPT else message[:EXCERPT]
        text = kept.decode(errors="replace").replace("\x00", "\ufffd")
        return await self._runner.deliver(
            Trigger(
                agent=self._agent.name,
                task=failure.code,
                source=f"/topics/{topic}",
                key=hashlib.sha256(message).hexdigest(),
                input={"size": len(message), "message" if kept is message else "excerpt": text},
                refusal=failure,
            )
        )
