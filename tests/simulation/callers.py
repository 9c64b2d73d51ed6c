"""Everybody outside: publishers, callers over HTTP, and what they may expect from then on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from pydantic_core import from_json

from agents.runtime.waiting import Pending, Settled
from domain.errors import TooLarge
from tests.simulation.agent import AGENT
from tests.simulation.ledger import Item, item_of, item_of_command, items_of
from tests.simulation.scenario import Message, Request

if TYPE_CHECKING:
    from tests.simulation.replica import Replica
    from tests.simulation.world import World


@dataclass(eq=False)
class Call:
    """A request on its way at a replica."""

    request: Request
    replica: Replica
    left: int


class Callers:
    def __init__(self, world: World, random: Random) -> None:
        self.accepted: dict[Item, None] = {}
        """What must get its outcome."""
        self.commanded: dict[Item, None] = {}
        """Requests whose command the broker has: their outcome, too, unless their key was another input's before."""
        self.asked: dict[Item, None] = {}
        """What may get one: requests whose caller was told nothing, or no."""
        self.waiting: list[Call] = []
        self._world = world
        self._ledger = world.ledger
        self._random = random

    def send(self, message: Message) -> None:
        self._world.note("world", "publishes %s", message.name)
        items = items_of(message)
        self.accepted.update(dict.fromkeys(items))
        self._world.broker.send(message.name, message.topic, message.data, items)

    def published(self, replica: Replica, topic: str, data: bytes) -> TooLarge | None:
        """A replica's event is with the broker, or refused for ever."""
        if topic != AGENT.commands_topic:
            return self._ledger.event_published(replica, topic, data)
        item = item_of_command(from_json(data)["data"])
        self._world.note(replica.name, "sent the command of %s", self._ledger.name(item.id))
        self.commanded[item] = None
        self._world.broker.send(item.name, topic, data, [item])
        return None

    def request(self, request: Request, left: int) -> None:
        self.asked[item_of(request.name, request.n, request.key)] = None
        alive = [replica for replica in self._world.replicas if replica is not None]
        if not alive:
            self._told(request, left, "nobody listens")
            return
        replica = self._random.choice(alive)
        self._world.note("caller", "sends %s to %s", request.name, replica.name)
        self.waiting.append(Call(request, replica, left))
        replica.serve(request)

    def answered(self, replica: Replica, request: Request, answer: Settled | Pending | Exception) -> None:
        call = next(c for c in self.waiting if c.request is request and c.replica is replica)
        self.waiting.remove(call)
        item = item_of(request.name, request.n, request.key)
        if isinstance(answer, Exception):
            self._told(request, call.left, f"{type(answer).__name__}: {answer}")
            return
        self.accepted[item] = None
        if isinstance(answer, Pending):
            self._world.note(
                "caller",
                "is told that %s is accepted%s",
                request.name,
                " but waits" if answer.trouble else "",
            )
            return
        execution = answer.execution
        self._world.note("caller", "has the outcome of %s: %s", request.name, execution.status)
        recorded = self._ledger.records.get(execution.id)
        if recorded is None or recorded.get("output") != execution.output:
            self._ledger.violated(
                f"the caller of {request.name} was given an outcome that is not the recorded one"
            )

    def has_calls(self, replica: Replica) -> bool:
        """Whether requests wait in a replica."""
        return any(call.replica is replica for call in self.waiting)

    def _told(self, request: Request, left: int, problem: str) -> None:
        self._world.note("caller", "is refused with %s: %s", request.name, problem)
        if left > 0:
            self._world.at(self._random.uniform(0.1, 4), partial(self.request, request, left - 1))

    def disconnected(self, replica: Replica) -> None:
        """A replica is gone, and with it every connection to it."""
        for call in [call for call in self.waiting if call.replica is replica]:
            self.waiting.remove(call)
            self._told(call.request, call.left, "the connection broke")

    def replay_all(self) -> None:
        """Every dead letter is done once more, and somebody clicks twice."""
        for execution, record in list(self._ledger.records.items()):
            if record.get("dead_letter"):
                for _ in range(self._random.choice((1, 2))):
                    self._world.at(self._random.uniform(0, 1), partial(self._replay, execution))

    def _replay(self, execution: str) -> None:
        alive = [replica for replica in self._world.replicas if replica is not None]
        if alive:
            self._random.choice(alive).replay(execution)
