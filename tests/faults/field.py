"""One run of one row: the chains, the attack on them, and the count afterwards."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from tests.faults.components import Broker
from tests.faults.figures import Figures
from tests.faults.load import pace, spec_event
from tests.faults.outside.chains import SPEC
from tests.faults.outside.client import OutsideWorld
from tests.faults.proxy import Proxy
from tests.faults.regions import Region
from tests.faults.system import FaultSystem

RATE = 60.0
"""Chains a second: five events and three executions each, so 300 events/s."""
SHORTEST = 4.0
"""Seconds of load at least: fewer chains are spread over them."""
CALLED_EVENTS = 2
"""Events of a chain that need the model: the specification and the code."""
EVENTS = 4
"""Of a finished chain at least: specification, code, request to send, sent."""
STALLED, HELD = 25.0, 120.0
"""Seconds without any progress after which what is missing counts as lost: when the broker has nothing left to give, and
when it has.
"""


class Field:
    """What an attack works with. Faults are noted by when they end: `fault_ended()`."""

    def __init__(
        self, row: str, system: FaultSystem, outside: OutsideWorld, broker: Broker, *, chains: int, seed: int,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.system, self.outside, self.broker = system, outside, broker
        self.rng = random.Random(f"{row}/{seed}")
        self.run = f"{row}.{uuid4().hex[:6]}"
        self.markers = [f"{self.run}.{number:06}" for number in range(chains)]
        self.figures = Figures(row=row, on=system.components.name, chains=chains, asked=chains, seed=seed)
        self.say = say
        self.faults: list[float] = []
        self.published: dict[int, float] = {}
        self.publishing = False
        self._parts = asyncio.Semaphore(1)
        self.injected = 0
        """Entries that the attack itself put again into the streams of the agents' own events."""
        self.made = self.began = time.monotonic()
        self.proxies: list[Proxy] = []
        """Before the sidecars, where the row wants them."""
        self.regions: list[Region] = []

    @property
    def rate(self) -> float:
        return min(RATE, len(self.markers) / SHORTEST)

    @property
    def short(self) -> bool:
        """Whether this is the form for everybody's `make test`."""
        return len(self.markers) < 500

    def multiply(self, times: int) -> None:
        """More chains than the run was asked for."""
        self.markers = [f"{self.run}.{number:06}" for number in range(times * len(self.markers))]
        self.figures.chains = len(self.markers)

    def note(self, text: str) -> None:
        self.figures.notes.append(text)

    def problem(self, text: str) -> None:
        self.figures.problems.append(text)

    @asynccontextmanager
    async def load(
        self, *, rate: float | None = None, copies: int = 1, event: Callable[[str], bytes] = spec_event,
        parts: int = 1,
    ) -> AsyncIterator[None]:  # fmt: skip
        """Chains flow in the background while the body attacks; it should go on while `publishing` is true.

        In several `parts`, each but the first waits for `next_part()`: however slow the attack is, it meets load.
        """
        messages = [[event(marker)] * copies for marker in self.markers]
        size = -(-len(messages) // parts)
        self.began = time.monotonic()
        self.publishing = True

        async def publish() -> None:
            for start in range(0, len(messages), size):
                await self._parts.acquire()
                part = messages[start : start + size]
                await pace(self.broker, part, rate or self.rate, partial(self._note_published, start))
            self.publishing = False

        task = asyncio.create_task(publish())
        reporter = asyncio.create_task(self._report())
        try:
            yield
            await task
            await self._settled()
        finally:
            task.cancel()
            reporter.cancel()

    def next_part(self) -> None:
        """Let the next part of the load flow, after what flows already."""
        self._parts.release()

    @asynccontextmanager
    async def flow(self, rate: float) -> AsyncIterator[None]:
        """As `load`, but chains go on being published for as long as the body takes."""
        self.markers = []
        self.began = time.monotonic()
        self.publishing = True

        async def publish() -> None:
            while self.publishing:
                number = len(self.markers)
                self.markers.append(f"{self.run}.{number:06}")
                await self.broker.add([(SPEC, spec_event(self.markers[-1]))])
                self._note_published(0, number)
                await asyncio.sleep(1 / rate)

        task = asyncio.create_task(publish())
        reporter = asyncio.create_task(self._report())
        try:
            yield
            self.publishing = False
            await task
            self.figures.chains = len(self.markers)
            await self._settled()
        finally:
            task.cancel()
            reporter.cancel()

    def kill(self, *names: str) -> None:
        self.system.signal(signal.SIGKILL, *names)
        self.fault_ended()

    def fault_ended(self) -> None:
        self.faults.append(time.monotonic())

    def done(self) -> int:
        with suppress(OSError):
            return self.outside.progress(self.run)["done"]
        return 0

    async def drained(self, patience: float = HELD) -> bool:
        """Until every subscriber has read and answered all there is; False when the patience ends before."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if await self.broker.left() == 0:
                return True
            await asyncio.sleep(0.2)
        return False

    async def until(self, check: Callable[[], bool], patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if check():
                return True
            await asyncio.sleep(0.1)
        return False

    async def working_again(self, within: float = 15.0) -> None:
        """Until every replica says so at /readyz; seconds from the last fault, four times as many where time is not judged.

        The next attack shall meet a whole system.
        """
        within *= 4 if self.short else 1
        end = self.faults[-1] if self.faults else time.monotonic()
        if not await self.until(self.system.ready, max(1.0, end + within - time.monotonic())):
            waiting = [name for name, one in self.system.status().items() if one["state"] != "ready"]
            self.problem(f"{', '.join(waiting)} not ready {within:.0f} s after the last fault")

    def count(self) -> Figures:
        """Ask the outside world."""
        seen = self.outside.figures(self.run, self.made)
        figures = self.figures
        done = set(seen["done"])
        missing = [number for number, marker in enumerate(self.markers) if marker not in done]
        figures.lost = len(missing)
        figures.doubles = seen["doubles"]
        figures.repeated_publications = seen["repeated_publications"] - self.injected
        figures.repeated_effects = seen["repeated_effects"]
        figures.unexplained_repeats = sum(
            not any(had <= fault <= until for fault in self.faults) for had, until in seen["repeats"]
        )
        figures.calls_per_event = round(seen["calls"] / CALLED_EVENTS / max(1, len(self.markers)), 4)
        figures.calls_after_record = seen["calls_after_record"]
        figures.dead_letters = seen["dead_letters"]
        figures.at = datetime.now(UTC).date().isoformat()
        if len(seen["events_at"]) < EVENTS * len(done):
            self._too_few()
        self._times(seen)
        for name, why in seen["doubled"].items():
            self._once(f"doubled: {name}: {why}")
        if missing:
            self._once(f"lost: {', '.join(self.markers[number] for number in missing[:10])}")
        return figures

    def later_doubles(self) -> list[str]:
        """Which chains more than counted are seen twice by now, and how; they count from here on."""
        seen = self.outside.figures(self.run, self.made)
        before, self.figures.doubles = self.figures.doubles, seen["doubles"]
        told = [f"{name}: {why}" for name, why in seen["doubled"].items()]
        return told if seen["doubles"] > before else []

    def _times(self, seen: dict[str, Any]) -> None:
        effects: Sequence[float] = seen["effects_at"]
        ends = [*self.faults, *([seen["last_fault"]] if seen["last_fault"] > self.began else [])]
        waits = [next((at - end for at in effects if at >= end), None) for end in ends]
        known = [wait for wait in waits if wait is not None]
        self.figures.back = round(max(known), 2) if known else None
        if effects:
            begin = max([*self.published.values(), *ends], default=effects[-1])
            self.figures.last = round(max(0.0, effects[-1] - begin), 2)
        # Without a fault to end, the attack is the load itself and lasts until it has come through.
        until = max([*ends, *self.published.values()] if ends else effects, default=0.0)
        events = [at for at in seen["events_at"] if self.began <= at <= until]
        if until > self.began:
            self.figures.events_per_second = round(len(events) / (until - self.began), 1)

    def _too_few(self) -> None:
        problem = "the ledger missed events of finished chains: its word on doubles is worth nothing"
        if problem not in self.figures.problems:
            self.problem(problem)

    def _once(self, note: str) -> None:
        if note not in self.figures.notes:
            self.figures.notes.append(note)

    def _note_published(self, start: int, number: int) -> None:
        self.published[start + number] = time.monotonic()

    async def _settled(self) -> None:
        """Until every chain has its effect, or nothing moves any more."""
        before: dict[str, int] = {}
        moved = time.monotonic()
        while (still := time.monotonic() - moved) < HELD:
            if still > STALLED and await self.broker.left() == 0:
                return
            progress = await asyncio.to_thread(self.outside.progress, self.run)
            if progress["done"] >= len(self.markers):
                return
            if progress != before:
                before, moved = progress, time.monotonic()
            await asyncio.sleep(0.1)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(5)
            done = await asyncio.to_thread(self.done)
            spent = time.monotonic() - self.began
            self.say(
                f"  {self.figures.row} {spent:5.0f} s: {len(self.published)} of {len(self.markers)} chains published, "
                f"{done} done, {len(self.faults)} faults"
            )
