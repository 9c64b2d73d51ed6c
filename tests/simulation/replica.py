"""One simulated process: the real service on ports that lead into the simulation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from agents.runtime.claims import Owner
from agents.runtime.context import Ports
from agents.runtime.timing import Timing
from domain.errors import AgentError, TooLarge
from domain.event import Event
from domain.ports.pubsub import Answer, Deliver
from domain.ports.state import Stored
from domain.ports.telemetry import Attributes
from infrastructure.host.journal import Journal
from infrastructure.host.service import Service
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.prompts import MemoryPrompts
from tests.simulation.agent import AGENT, Outside
from tests.simulation.scenario import Request
from tests.simulation.scheduler import ProcessLoop

if TYPE_CHECKING:
    from tests.simulation.broker import Entry
    from tests.simulation.world import World

GRACE = 1.0
SERVER_GRACE = 5.0
"""Seconds for which the HTTP server waits for its last requests, after the service has stopped."""
_MODEL, _PROMPTS = ScriptedModel(), MemoryPrompts()


class Replica:
    """`place` is its number among the replicas, `name` its own: the process that starts in its place is another."""

    def __init__(self, world: World, name: str, place: int, timing: Timing, skew: float) -> None:
        self.world = world
        self.name = name
        self.place = place
        self.owner = f"sim@{name}"
        self.loop = ProcessLoop(world.scheduler, self, skew=skew)
        self.draining_since: float | None = None
        self.disturbed_until = -1.0
        """Up to when something went wrong with it; the simulation's own time."""
        self.unanswered = 0
        """How many of its calls came back as errors."""
        self.deliveries = 0
        self.subscription = _Subscription(self)
        ports = Ports(
            store=_Store(self),
            publisher=_Publisher(self),
            model=_MODEL,
            prompts=_PROMPTS,
            telemetry=_Silence(),
            effects={Outside: _Outside(self)},
        )
        self.service = Service(AGENT, ports, timing, Owner(self.owner), Journal())
        self.loop.call_soon(self.service.subscribe, self.subscription)

    @property
    def alive(self) -> bool:
        return not self.loop.dead

    @property
    def idle(self) -> bool:
        return not self.deliveries and not self.service.runner.running

    def disturb(self, seconds: float = 0.0) -> None:
        self.disturbed_until = max(self.disturbed_until, self.world.scheduler.now + seconds)

    def crash(self, why: str) -> None:
        self.world.crash(self, why)

    def freeze(self, seconds: float) -> None:
        self.world.freeze(self, seconds)

    def serve(self, request: Request) -> None:
        """Take one request, in a task of its own, as the HTTP server does."""

        async def serve() -> None:
            task = AGENT.tasks["work"]
            try:
                _, settled = await self.service.submit(
                    task,
                    {"n": request.n},
                    key=request.key,
                    correlation_id=request.correlation,
                    patience=request.patience,
                )
            except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets an answer
                self.world.callers.answered(self, request, error)
            else:
                self.world.callers.answered(self, request, settled)

        self.loop.call_soon(lambda: self.loop.create_task(serve()))

    def replay(self, execution: str) -> None:
        """Take one request to do the work of a dead letter again."""

        async def replay() -> None:
            with suppress(AgentError):
                await self.service.replay(execution)
                self.world.note(self.name, "replays %s", self.world.ledger.name(execution))

        self.loop.call_soon(lambda: self.loop.create_task(replay()))

    def deliver(self, entry: Entry, generation: int) -> None:
        """Take one message, in a task of its own, as the subscription does."""
        self.loop.call_soon(self.subscription.begin, entry, generation)

    def stop(self) -> None:
        """As SIGTERM: settle first, then let the requests go that still wait."""

        async def stop() -> None:
            await self.service.stop(GRACE)
            until = self.loop.time() + SERVER_GRACE
            while self.world.callers.has_calls(self) and self.loop.time() < until:  # noqa: ASYNC110  # time passes
                await asyncio.sleep(0.1)
            await self.service.close()
            self.world.exited(self)

        self.loop.call_soon(lambda: self.loop.create_task(stop()))


class _Subscription:
    def __init__(self, replica: Replica) -> None:
        self.connected = False
        self._replica = replica
        self._deliver: Deliver | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:
        replica, broker = self._replica, self._replica.world.broker
        self._deliver = deliver
        self.connected = True
        broker.join(replica)
        try:
            await replica.loop.create_future()
        finally:
            self.connected = False
            broker.leave(replica)
            for task in self._tasks:
                task.cancel()

    def begin(self, entry: Entry, generation: int) -> None:
        if self.connected:  # what comes while the stream closes is nobody's; the broker offers it again
            self._tasks.append(self._replica.loop.create_task(self._settle(entry, generation)))

    async def _settle(self, entry: Entry, generation: int) -> None:
        assert self._deliver is not None
        replica = self._replica
        replica.deliveries += 1
        try:
            answer = await self._deliver(entry.topic, entry.data)
        finally:
            replica.deliveries -= 1
        replica.world.broker.answer(replica, entry, generation, success=answer is Answer.SUCCESS)


class _Store:
    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._wire = replica.world.wire
        self._store = replica.world.store

    async def get(self, key: str) -> Stored | None:
        found: Stored | None = await self._wire.call(
            self._replica, "store", f"get {key}", lambda: self._store.get(key)
        )
        return found

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        done: bool = await self._wire.call(
            self._replica, "store", f"create {key}", lambda: self._store.create(self._replica, key, data, ttl),
            refusable=True,
        )  # fmt: skip
        return done

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        done: bool = await self._wire.call(
            self._replica, "store", f"swap {key}", lambda: self._store.swap(self._replica, key, data, etag, ttl),
            refusable=True,
        )  # fmt: skip
        return done

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        def put() -> None:
            for key, data in items:
                self._store.put(self._replica, key, data, ttl)

        await self._wire.call(self._replica, "store", f"put {len(items)}", put)


class _Publisher:
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def publish(self, topic: str, event: Event) -> None:
        world = self._replica.world
        data = event.to_json()
        refused: TooLarge | None = await world.wire.call(
            self._replica,
            "broker",
            f"publish {topic}",
            lambda: world.callers.published(self._replica, topic, data),
        )
        if refused is not None:
            raise refused


class _Outside:
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def send(self, execution_id: str) -> None:
        world = self._replica.world
        await world.wire.call(
            self._replica, "outside", "send", lambda: world.ledger.effect(self._replica, execution_id)
        )


class _Span:
    traceparent = None

    def set(self, attributes: Attributes) -> None: ...


class _Silence:
    @contextmanager
    def span(self, *_: Any, **__: Any) -> Iterator[_Span]:
        yield _Span()

    def count(self, name: str, amount: int = 1, attributes: Attributes | None = None) -> None: ...

    def record(self, name: str, value: float, attributes: Attributes | None = None) -> None: ...
