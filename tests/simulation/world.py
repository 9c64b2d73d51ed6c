"""A scenario played: replicas live and die, messages and requests come, until nothing is left to do."""

from __future__ import annotations

import random as global_random
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic_core import from_json

from agents.runtime.documents import claim_key, execution_key
from agents.runtime.runner import Pending, Settled
from agents.runtime.timing import Timing
from domain.errors import TooLarge
from tests.simulation.agent import AGENT
from tests.simulation.broker import Broker
from tests.simulation.ledger import Item, Ledger, item_of, item_of_command, items_of
from tests.simulation.replica import Replica
from tests.simulation.scenario import FAULTS_END, Message, Request, Scenario, Upset, draw
from tests.simulation.scheduler import Scheduler
from tests.simulation.store import Store
from tests.simulation.wire import Wire

HORIZON = 600.0
STEPS = 60_000
WEEK = 6.5 * 86_400


@dataclass(eq=False)
class Call:
    """A request on its way at a replica."""

    request: Request
    replica: Replica
    left: int


class World:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.trace: list[tuple[float, str, str, tuple[Any, ...]]] = []
        self.accepted: dict[Item, None] = {}
        """What must get its outcome."""
        self.commanded: dict[Item, None] = {}
        """Requests whose command the broker has: their outcome, too, unless their key was another input's before."""
        self.asked: dict[Item, None] = {}
        """What may get one: requests whose caller was told nothing, or no."""
        self.random = Random(~scenario.seed)  # noqa: S311  # no secret
        self.scheduler = Scheduler(self.random, orderly=scenario.orderly)
        timing = Timing(max_waiting=scenario.max_waiting, max_event_bytes=3_000, max_document_bytes=4_000)
        self.timing = timing
        self.ledger = Ledger(self, scenario, timing.lease)
        self.store = Store(self.ledger, lambda: self.scheduler.now)
        self.wire = Wire(self, self.random)
        self.broker = Broker(self, self.random, processing_timeout=timing.redelivery_after)
        self.replicas: list[Replica | None] = [None] * scenario.replicas
        self._owners: dict[str, Replica] = {}
        self._calls: list[Call] = []
        self._agenda = 0
        for place in range(scenario.replicas):
            self._start(place)
        for message in scenario.messages:
            self.at(message.at, lambda message=message: self.send(message))  # type: ignore[misc]
        for request in scenario.requests:
            self.at(request.at, lambda request=request: self.request(request, request.repeats))  # type: ignore[misc]
        for upset in scenario.upsets:
            self.at(upset.at, lambda upset=upset: self._upset(upset))  # type: ignore[misc]

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
                self._replay()
            else:
                for replica in self.replicas:
                    if replica is not None:
                        self.restart(replica) if late == "restart" else self.crash(replica, "all of them")
            if not self.settle():
                return False
        for message in self.scenario.messages:
            self.at(self.random.uniform(2, 4), lambda message=message: self.send(message))  # type: ignore[misc]
        for request in self.scenario.requests:
            self.at(self.random.uniform(2, 4), lambda request=request: self.request(request, 0))  # type: ignore[misc]
        return self.settle()

    def _replay(self) -> None:
        """Every dead letter is done once more, and somebody clicks twice."""
        for execution, record in list(self.ledger.records.items()):
            if record.get("dead_letter"):
                for _ in range(self.random.choice((1, 2))):
                    replica = self.random.choice([replica for replica in self.replicas if replica is not None])
                    self.at(self.random.uniform(0, 1), lambda execution=execution, replica=replica: replica.replay(execution))  # type: ignore[misc]

    # Messages and requests

    def send(self, message: Message) -> None:
        self.note("world", "publishes %s", message.name)
        items = items_of(message)
        self.accepted.update(dict.fromkeys(items))
        self.broker.send(message.name, message.topic, message.data, items)

    def published(self, replica: Replica, topic: str, data: bytes) -> TooLarge | None:
        """A replica's event is with the broker, or refused for ever."""
        if topic != AGENT.commands_topic:
            return self.ledger.event_published(replica, topic, data)
        item = item_of_command(from_json(data)["data"])
        self.note(replica.name, "sent the command of %s", self.ledger.name(item.id))
        self.commanded[item] = None
        self.broker.send(item.name, topic, data, [item])
        return None

    def request(self, request: Request, left: int) -> None:
        self.asked[item_of(request.name, request.n, request.key)] = None
        alive = [replica for replica in self.replicas if replica is not None]
        if not alive:
            self._told(request, left, "nobody listens")
            return
        replica = self.random.choice(alive)
        self.note("caller", "sends %s to %s", request.name, replica.name)
        self._calls.append(Call(request, replica, left))
        replica.serve(request)

    def answered(self, replica: Replica, request: Request, answer: Settled | Pending | Exception) -> None:
        call = next(c for c in self._calls if c.request is request and c.replica is replica)
        self._calls.remove(call)
        item = item_of(request.name, request.n, request.key)
        if isinstance(answer, Exception):
            self._told(request, call.left, f"{type(answer).__name__}: {answer}")
            return
        self.accepted[item] = None
        if isinstance(answer, Pending):
            self.note("caller", "is told that %s is accepted%s", request.name, " but waits" if answer.trouble else "")
            return
        execution = answer.execution
        self.note("caller", "has the outcome of %s: %s", request.name, execution.status)
        recorded = self.ledger.records.get(execution.id)
        if recorded is None or recorded.get("output") != execution.output:
            self.ledger.violated(f"the caller of {request.name} was given an outcome that is not the recorded one")

    def has_calls(self, replica: Replica) -> bool:
        """Whether requests wait in a replica."""
        return any(call.replica is replica for call in self._calls)

    def _told(self, request: Request, left: int, problem: str) -> None:
        self.note("caller", "is refused with %s: %s", request.name, problem)
        if left > 0:
            self.at(self.random.uniform(0.1, 4), lambda: self.request(request, left - 1))

    # Replicas

    def crash(self, replica: Replica, why: str) -> None:
        if replica.loop.dead:
            return
        self.note(replica.name, "** CRASH: %s", why)
        self._gone(replica)
        self.at(self.random.uniform(0.3, 2), lambda: self._start(replica.place))

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
        self.note(replica.name, "exits")
        since = replica.draining_since
        undisturbed = since is not None and replica.disturbed_until < since and not replica.unanswered
        # What a cancellation leaves for `drain` to find is there in time only as callbacks come in order.
        if since is not None and undisturbed and self.scenario.orderly:
            for execution, claim in self.ledger.claims.items():
                if claim.owner == replica.owner and not claim.handed_back and execution not in self.ledger.records:
                    self.ledger.violated(f"{replica.name} ended in order and did not hand {self.ledger.name(execution)} back")
            if self.scheduler.now - since > 10:
                self.ledger.violated(f"{replica.name} took {self.scheduler.now - since:.1f} s to end")
        self._gone(replica)
        self.at(self.random.uniform(0.1, 1), lambda: self._start(replica.place))

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
        for call in [call for call in self._calls if call.replica is replica]:
            self._calls.remove(call)
            self._told(call.request, call.left, "the connection broke")

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
        item = self.random.choice([*map(lambda message: items_of(message)[0], self.scenario.messages), *map(lambda request: item_of(request.name, request.n, request.key), self.scenario.requests)])  # fmt: skip
        key = self.random.choice((claim_key, execution_key))(item.id)
        if self.store.documents.create(key, b'{"foreign":"document"}', None):
            self.note("world", "** a foreign document lies at %s of %s", key.partition(":")[0], self.ledger.name(item.id))
            self.at(seconds, lambda: self.store.documents.__delitem__(key))

    def _quiet(self) -> bool:
        return (
            not self._agenda
            and not self.broker.open
            and not self._calls
            and not self.wire.in_flight
            and all(replica is not None and replica.idle for replica in self.replicas)
        )

    def unfinished(self) -> str:
        """Why it is not quiet."""
        running = [r.name for r in self.replicas if r is not None and not r.idle]
        return (
            f"unanswered: {[entry.name for entry in self.broker.open]}, requests: {[c.request.name for c in self._calls]}, "
            f"busy: {running}, calls in flight: {self.wire.in_flight}"
        )


def play(seed: int) -> World:
    """Play a seed's scenario to its end; what was wrong is in `world.ledger.violations`."""
    from tests.simulation.invariants import check, check_after_all  # noqa: PLC0415  # they need the world

    state = global_random.getstate()
    global_random.seed(seed)
    world = World(draw(seed))
    try:
        if not world.settle():
            world.ledger.violated(f"not quiet after {world.scheduler.now:.0f} s: {world.unfinished()}")
            return world
        check(world)
        if world.scenario.late or seed % 4 == 0:
            before = (dict(world.ledger.starts), len(world.ledger.records))
            if not world.again():
                world.ledger.violated(f"not quiet after all came again: {world.unfinished()}")
            else:
                check_after_all(world, *before)
    finally:
        world.scheduler.bury()
        global_random.setstate(state)
    return world
