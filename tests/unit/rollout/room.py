"""Replicas of an agent's rollout over one store and one broker, both of which can go away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from domain.errors import SidecarUnavailable
from domain.event import Event
from domain.execution import Execution, PromptUse
from domain.figures import Answered
from domain.ports.state import Stored
from infrastructure.memory.pubsub import MemoryBroker
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.rollout.live import LiveRollout
from infrastructure.rollout.orders import Orders
from tests.unit.rollout.writing import prompts

TOPIC = "agents.writer.prompt.rolled-back"


class Store(MemoryStateStore):
    """One that can be taken away, and that can lose the answers of its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.lost_answers = 0
        self.bugs_at = ""

    async def get(self, key: str) -> Stored | None:
        self._require()
        if key == self.bugs_at:
            raise KeyError("of ours")
        return await super().get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        self._require()
        return self._answer(await super().create(key, data, ttl=ttl))

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        self._require()
        return self._answer(await super().swap(key, data, etag, ttl=ttl))

    def _require(self) -> None:
        if self.down:
            raise SidecarUnavailable("the store is away")

    def _answer(self, written: bool) -> bool:
        if self.lost_answers:
            self.lost_answers -= 1
            raise SidecarUnavailable("the answer was lost")
        return written


class Broker(MemoryBroker):
    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.bug: Exception | None = None

    async def publish(self, topic: str, event: Event) -> None:
        if self.bug:
            raise self.bug
        if self.down:
            raise SidecarUnavailable("the broker is away")
        await super().publish(topic, event)

    @property
    def told(self) -> list[Event]:
        return [Event.from_json(raw) for topic, raw in self.published if topic == TOPIC]


class Room:
    """Replicas without the runtime around them."""

    def __init__(self) -> None:
        self.store, self.broker, self.telemetry = Store(), Broker(), MemoryTelemetry()
        self.prompts = prompts()
        self.replicas: list[LiveRollout] = []

    def replica(self) -> LiveRollout:
        made = LiveRollout(
            "writer",
            TOPIC,
            store=self.store,
            prompts=self.prompts,
            publisher=self.broker,
            telemetry=self.telemetry,
            replica=f"writer@{len(self.replicas)}",
        )
        self.replicas.append(made)
        made.start()
        return made

    def orders(self, replica: LiveRollout) -> Orders:
        return Orders("writer", replica, self.prompts, lambda prompt: [])


async def until(wanted: Callable[[], object], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not wanted():  # noqa: ASYNC110  # what is awaited is another task's doing, seen from outside
            await asyncio.sleep(0.01)


def shares(**given: int) -> dict[str, int]:
    return {name[1:].replace("_", "."): percent for name, percent in given.items()}


def outcome(replica: LiveRollout, chain: str, *, valid: bool = True) -> None:
    """As the runtime notes an execution: asked by the split, answered, recorded."""
    chosen = replica.choose("write", chain)
    assert chosen is not None
    prompt = chosen.prompt
    use = PromptUse(
        name=prompt.name, version=prompt.version, content_hash=prompt.content_hash, split=chosen.split
    )
    valid = valid or prompt.version == "1.0.0"
    execution = Execution(
        id=chain, agent="writer", task="write", status="completed", correlation_id=chain, trigger_source="/tests",
        trigger_key=chain, digest="", attempts=1, prompt=use, started_at="", completed_at="", duration_ms=1.0,
    )  # fmt: skip
    replica.note(execution, [Answered(use, valid=valid, repaired=not valid, input_tokens=10)])


async def bad_candidate(room: Room, replicas: Sequence[LiveRollout]) -> None:
    """Half of the work to a version whose answers are all invalid, until it has lost it."""
    await until(lambda: all(replica.splits._tables is not None for replica in replicas))
    await room.orders(replicas[0]).split("write", shares(v1_0_0=50, v1_1_0=50))
    await until(lambda: all(replica.splits.current.revision == 1 for replica in replicas))
    for n in range(60):
        for replica in replicas:
            outcome(replica, f"chain-{id(replica)}-{n}", valid=False)
    await until(lambda: all(replica.figures.is_empty for replica in replicas))
    await until(lambda: all(not replica.splits.current.splits["write"].candidates for replica in replicas))
