"""The broker: at least once, in any order, again when nobody answered in time, while the first delivery still runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.ledger import Item
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

ANSWERS_LOST = 0.03


@dataclass(eq=False)
class Entry:
    """`generation` counts its deliveries: only the latest one's silence or RETRY brings it again."""

    name: str
    topic: str
    data: bytes
    items: tuple[Item, ...]
    """The work it asks for, as the outside knows it."""
    generation: int = 0
    holder: Replica | None = None
    done: bool = False


class Broker:
    def __init__(self, world: World, random: Random, *, processing_timeout: float) -> None:
        self.open: dict[Entry, None] = {}
        self._world = world
        self._random = random
        self._timeout = processing_timeout
        self._consumers: list[Replica] = []
        self._parked: list[Entry] = []

    def send(self, name: str, topic: str, data: bytes, items: Sequence[Item]) -> None:
        entry = Entry(name, topic, data, tuple(items))
        self.open[entry] = None
        self._later(self._world.wire.latency(), entry)

    def join(self, replica: Replica) -> None:
        self._consumers.append(replica)
        parked, self._parked = self._parked, []
        for entry in parked:
            self._later(self._random.uniform(0, 0.3), entry)

    def leave(self, replica: Replica) -> None:
        """Its stream ended, by a crash or in order."""
        if replica in self._consumers:
            self._consumers.remove(replica)
        if self._world.scenario.returned_at_once:
            for entry in self.open:
                if entry.holder is replica:
                    self._later(self._random.uniform(0, 0.5), entry)

    def answer(self, replica: Replica, entry: Entry, generation: int, *, success: bool) -> None:
        world = self._world
        world.note(replica.name, "answers %s for %s", "SUCCESS" if success else "RETRY", entry.name)
        if success:
            world.ledger.acknowledged(entry)
        if world.faulty and self._random.random() < ANSWERS_LOST:
            world.note("broker", "never gets the answer for %s", entry.name)
        elif success:
            world.scheduler.later(world.wire.latency(), lambda: self._done(entry))
        elif generation == entry.generation:
            delay = world.scenario.retry_after * self._random.uniform(0.5, 1.5)
            self._later(delay, entry)

    def _done(self, entry: Entry) -> None:
        entry.done = True
        self.open.pop(entry, None)

    def _later(self, delay: float, entry: Entry) -> None:
        generation = entry.generation
        self._world.scheduler.later(delay, lambda: self._offer(entry, generation))

    def _offer(self, entry: Entry, generation: int) -> None:
        if entry.done or generation != entry.generation:
            return
        if not self._consumers:
            self._parked.append(entry)
            return
        entry.generation += 1
        entry.holder = replica = self._random.choice(self._consumers)
        if entry.generation > 1:
            self._world.note("broker", "offers %s again, to %s (delivery %d)", entry.name, replica.name, entry.generation)  # fmt: skip
        replica.deliver(entry, entry.generation)
        self._later(self._timeout, entry)
