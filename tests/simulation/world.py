"""A scenario at work: replicas live and die, things go wrong, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import delitem
from random import Random
from typing import Any

from agents.runtime.documents import claim_key, execution_key
from agents.runtime.timing import Timing
from tests.simulation.broker import Broker
from tests.simulation.callers import Callers
from tests.simulation.ledger import Ledger, item_of, items_of
from tests.simulation.replica import Replica
from tests.simulation.scenario import FAULTS_END, Scenario, Upset
from tests.simulation.scheduler import Scheduler
from tests.simulation.store import Store
from tests.simulation.wire import Wire

HORIZON = 400.0
STEPS = 60_000
WEEK = 6.5 * 86_400


class World:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.trace: list[tuple[float, str, str, tuple[Any, ...]]] = []
        self.random = Random(~scenario.seed)
        self.scheduler = Scheduler(self.random, orderly=scenario.orderly)
        timing = Timing(max_waiting=scenario.max_waiting, max_event_bytes=3_000, max_document_bytes=4_000)
        self.timing = timing
        self.ledger = Ledger(self, scenario, timing.lease)
        self.store = Store(self.ledger, lambda: self.scheduler.now)
        self.wire = Wire(self, self.random)
        self.broker = Broker(self, self.random, processing_timeout=timing.redelivery_after)
        self.callers = Callers(self, self.random)
        self.replicas: list[Replica | None] = [None] * scenario.replicas
        self._owners: dict[str, Replica] = {}
        self._agenda = 0
        for place in range(scenario.replicas):
            self._start(place)
        for message in scenario.messages:
            self.at(message.at, partial(self.callers.send, message))
        for request in scenario.requests:
            self.at(request.at, partial(self.callers.request, request, request.repeats))
        for upset in scenario.upsets:
            self.at(upset.at, partial(self._upset, upset))

    @property
    def faulty(self) -> bool:
        """Whether things still go wrong."""
        return bool(self.scenario.faults) and self.scheduler.now < FAULTS_END

    def note(self, who: str, text: str, *arguments: object) -> None:
        self.trace.append((self.scheduler.now, who, text, arguments))

    def by_owner(self, owner: str) -> Replica:
        return self._owners[owner]

    def at(self, delay: float, action: Callable[[], object]) -> None:
        """Something that is sure to happen: not quiet before."""
        self._agenda += 1

        def happen() -> None:
            self._agenda -= 1
            action()

        self.scheduler.later(delay, happen)

    def settle(self) -> bool:
        """Go on until nothing is left to do; False when that does not come."""
        until = self.scheduler.now + HORIZON
        return self.scheduler.run(self._quiet, until=until, steps=STEPS)

    def again(self) -> bool:
        """Deliver everything once more, after what happens late; False when that does not end."""
        self.ledger.settled = frozenset(self.ledger.marked)
        for late in self.scenario.late:
            self.note("-----", late)
            if late == "week":
                self.scheduler.now += WEEK
            elif late == "replay":
                self.callers.replay_all()
            else:
                for replica in self.replicas:
                    if replica is not None:
                        self.restart(replica) if late == "restart" else self.crash(replica, "all of them")
            if not self.settle():
                return False
        for message in self.scenario.messages:
            self.at(self.random.uniform(2, 4), partial(self.callers.send, message))
        for request in self.scenario.requests:
            self.at(self.random.uniform(2, 4), partial(self.callers.request, request, 0))
        return self.settle()

    def crash(self, replica: Replica, why: str) -> None:
        if replica.loop.dead:
            return
        self.note(replica.name, "** CRASH: %s", why)
        self._gone(replica)
        self.at(self.random.uniform(0.3, 2), partial(self._start, replica.place))

    def freeze(self, replica: Replica, seconds: float) -> None:
        if replica.loop.dead:
            return
        self.note(replica.name, "** FROZEN for %.1f s", seconds)
        until = self.scheduler.now + seconds
        replica.loop.frozen_until = max(replica.loop.frozen_until, until)
        replica.disturb(seconds)
        self.at(seconds, lambda: None)

    def restart(self, replica: Replica) -> None:
        if replica.loop.dead or replica.draining_since is not None:
            return
        self.note(replica.name, "** is asked to stop")
        replica.draining_since = self.scheduler.now
        replica.stop()

    def exited(self, replica: Replica) -> None:
        """It was asked to stop, and has."""
        self.note(replica.name, "exits")
        since = replica.draining_since
        # Whoever had trouble with the store may not know what it holds; and what a cancellation leaves for `drain` to
        # find is there in time only as callbacks come in order.
        if since is not None and replica.disturbed_until < 0 and self.scenario.orderly:
            for execution in self.ledger.left_behind(replica.owner, since):
                name = self.ledger.name(execution)
                self.ledger.violated(f"{replica.name} ended in order and did not hand {name} back")
            if self.scheduler.now - since > 10:
                self.ledger.violated(f"{replica.name} took {self.scheduler.now - since:.1f} s to end")
        self._gone(replica)
        self.at(self.random.uniform(0.1, 1), partial(self._start, replica.place))

    def _start(self, place: int) -> None:
        name = f"r{len(self._owners) + 1}"
        replica = Replica(self, name, place, self.timing, self.random.choice((0.0, 5_000.0)))
        self.note(name, "starts")
        self._owners[replica.owner] = replica
        self.replicas[place] = replica

    def _gone(self, replica: Replica) -> None:
        replica.loop.die()
        self.replicas[replica.place] = None
        self.broker.leave(replica)
        self.callers.disconnected(replica)

    def _upset(self, upset: Upset) -> None:
        if upset.kind in {"store", "broker"}:
            self.note("world", "** the %s is down for %.1f s", upset.kind, upset.seconds)
            self.wire.down[upset.kind] = self.scheduler.now + upset.seconds
            return
        if upset.kind == "foreign":
            self._foreign_document(upset.seconds)
            return
        replica = self.replicas[upset.replica]
        if replica is None:
            return
        if upset.kind == "crash":
            self.crash(replica, "killed")
        elif upset.kind == "freeze":
            self.freeze(replica, upset.seconds)
        else:
            self.restart(replica)

    def _foreign_document(self, seconds: float) -> None:
        events = [items_of(message)[0] for message in self.scenario.messages]
        requests = [item_of(request.name, request.n, request.key) for request in self.scenario.requests]
        item = self.random.choice([*events, *requests])
        key = self.random.choice((claim_key, execution_key))(item.id)
        if self.store.documents.create(key, b'{"foreign":"document"}', None):
            self.note(
                "world",
                "** a foreign document lies at %s of %s",
                key.partition(":")[0],
                self.ledger.name(item.id),
            )
            self.at(seconds, partial(delitem, self.store.documents, key))

    def _quiet(self) -> bool:
        return (
            not self._agenda
            and not self.broker.open
            and not self.callers.waiting
            and not self.wire.in_flight
            and all(replica is not None and replica.idle for replica in self.replicas)
        )

    def unfinished(self) -> str:
        """Why it is not quiet."""
        running = [r.name for r in self.replicas if r is not None and not r.idle]
        return (
            f"unanswered: {[entry.name for entry in self.broker.open]}, requests: {[call.request.name for call in self.callers.waiting]}, "
            f"busy: {running}, calls in flight: {self.wire.in_flight}"
        )
