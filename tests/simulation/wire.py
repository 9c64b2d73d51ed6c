"""Between a process and its store and broker: delays, and everything that can go wrong with one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from domain.errors import SidecarUnavailable
from tests.simulation.scenario import FAULTS_END

if TYPE_CHECKING:
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

Effect: TypeAlias = Callable[[], Any]
REFUSALS = {"refused", "refused after"}


class Gone(BaseException):
    """A process that is dead has called: it is being cleared away."""


class Wire:
    """The process sends, later the effect lands, later the answer is back. A dead process's effect may still land."""

    def __init__(self, world: World, random: Random) -> None:
        self.in_flight = 0
        self.down: dict[str, float] = {"store": 0.0, "broker": 0.0}
        """Until when each is down."""
        self._world = world
        self._random = random
        self._budget = world.scenario.budget if world.scenario.faults else 0

    async def call(
        self, replica: Replica, side: str, what: str, effect: Effect, *, refusable: bool = False
    ) -> Any:
        """`side` is store, broker or outside; `refusable` operations answer False for a refusal."""
        if replica.loop.dead:
            raise Gone
        answer = replica.loop.create_future()
        self.in_flight += 1
        call = _Call(self, replica, side, what, effect, answer, refusable)
        fault = self._draw(refusable=refusable)
        if fault is None:
            self.later(self.latency(), call.land)
        else:
            self._world.note(replica.name, "%s at %s", f"** {fault}", what)
            replica.disturb()
            getattr(call, fault.replace(" ", "_"))()
        return await answer

    def later(self, delay: float, callback: Callable[[], object]) -> None:
        self._world.scheduler.later(delay, callback)

    def latency(self) -> float:
        chance = self._random.random()
        return chance * 0.01 if chance < 0.9 else (chance - 0.9) * 3

    def between(self, least: float, most: float) -> float:
        return self._random.uniform(least, most)

    def is_down(self, side: str) -> bool:
        return self.down.get(side, 0.0) > self._world.scheduler.now

    def _draw(self, *, refusable: bool) -> str | None:
        if self._budget <= 0 or self._random.random() >= self._world.scenario.odds:
            return None
        if self._world.scheduler.now >= FAULTS_END:
            return None
        fault = self._random.choice(self._world.scenario.faults)
        if fault in REFUSALS and not refusable:
            return None
        self._budget -= 1
        return fault


class _Call:
    """One call on its way; each fault is a method."""

    def __init__(
        self,
        wire: Wire,
        replica: Replica,
        side: str,
        what: str,
        effect: Effect,
        answer: asyncio.Future[Any],
        refusable: bool,
    ) -> None:
        self.wire = wire
        self.replica = replica
        self.side = side
        self.what = what
        self.effect = effect
        self.answer = answer
        self.refusable = refusable

    def land(self) -> None:
        """What is meant to happen."""
        if self.wire.is_down(self.side):
            self.replica.disturb()
            if self.refusable and self.wire.between(0, 1) < 0.3:
                self._back(False)
            else:
                self._fail()
        else:
            self._back(self.effect())

    def lost(self) -> None:
        self.wire.later(self.wire.latency(), self._fail)

    def unsure(self) -> None:
        def land() -> None:
            self.effect()
            self._fail()

        self.wire.later(self.wire.latency(), land)

    def slow(self) -> None:
        def land() -> None:
            self._back(self.effect(), self.wire.between(2, 8))

        self.wire.later(self.wire.latency(), land)

    def stuck(self) -> None:
        """The error comes first, the effect later."""
        error = self.wire.between(0.5, 3)
        self.wire.in_flight += 1
        self.wire.later(error, self._fail)

        def land() -> None:
            self.wire.in_flight -= 1
            self.effect()

        self.wire.later(error + self.wire.between(0, 6), land)

    def refused(self) -> None:
        """An outage in disguise."""
        self.wire.later(self.wire.latency(), lambda: self._back(False))

    def refused_after(self) -> None:
        def land() -> None:
            self.effect()
            self._back(False)

        self.wire.later(self.wire.latency(), land)

    def crash_before(self) -> None:
        self.wire.in_flight -= 1
        self.replica.crash("before it sent")

    def crash_in_flight(self) -> None:
        self.wire.later(self.wire.between(0, 5) if self.wire.between(0, 1) < 0.3 else 0.01, self.land)
        self.replica.crash("with a call in flight")

    def crash_after(self) -> None:
        def land() -> None:
            self.wire.in_flight -= 1
            self.effect()
            self.replica.crash("before the answer came")

        self.wire.later(self.wire.latency(), land)

    def freeze_in_flight(self) -> None:
        self.wire.later(self.wire.latency(), self.land)
        self.replica.freeze(self.wire.between(1, 10))

    def freeze_after(self) -> None:
        def land() -> None:
            self.land()
            self.replica.freeze(self.wire.between(1, 10))

        self.wire.later(self.wire.latency(), land)

    def _back(self, result: Any, delay: float | None = None) -> None:
        def arrive() -> None:
            self.wire.in_flight -= 1
            if not self.answer.done():
                self.answer.set_result(result)

        if delay is not None:
            self.replica.disturb(delay)
        self.wire.later(self.wire.latency() if delay is None else delay, arrive)

    def _fail(self) -> None:
        self.replica.unanswered += 1

        def arrive() -> None:
            self.wire.in_flight -= 1
            self.replica.disturb()
            if not self.answer.done():
                self.answer.set_exception(SidecarUnavailable(f"no answer to {self.what}"))

        self.wire.later(self.wire.latency(), arrive)
