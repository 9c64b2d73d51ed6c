"""What the store, the broker and the outside saw: the ledger decides, never the runtime's own word.

Some rules are checked at the moment at which they could be broken; what holds only in the end is in `invariants.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic_core import from_json

from domain.errors import TooLarge
from domain.execution import execution_id
from tests.simulation.agent import AGENT, Asked, AskedTwice, Worked
from tests.simulation.scenario import SOURCE, Message, Scenario

if TYPE_CHECKING:
    from tests.simulation.broker import Entry
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

CALLER = "/callers/local"
TASKS = {Asked.event_type: ("work",), AskedTwice.event_type: ("work", "report")}


@dataclass(frozen=True)
class Item:
    """One unit of work as the outside knows it; `n` is its plan, None for poison."""

    name: str
    task: str
    source: str
    key: str
    digest: str | None
    n: int | None

    @property
    def id(self) -> str:
        return execution_id(AGENT.name, self.task, self.source, self.key)


@dataclass
class Claimed:
    """The claim of an execution as it stands in the store."""

    owner: str
    nonce: str
    digest: str
    attempts: list[dict[str, Any]]
    handed_back: bool
    sign_at: float
    """When its owner last showed that it works on it: by the claim, or by a pulse that names it."""
    sequence: int
    held_since: float
    longest: float = 0.0
    """The longest time without a sign so far."""

    def shown(self, now: float) -> None:
        self.longest = max(self.longest, now - self.sign_at)
        self.sign_at = now


@dataclass
class Ledger:
    world: World
    scenario: Scenario
    lease: float
    violations: list[str] = field(default_factory=list)
    sequence: int = 0
    claims: dict[str, Claimed] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)
    undeliverable: set[str] = field(default_factory=set)
    repeated: int = 0
    """Publications of an event that had been published before."""
    settled: frozenset[str] = frozenset()
    """What was marked as published once all was quiet: from then on nothing of it is published again."""
    published: Counter[str] = field(default_factory=Counter)
    running: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Handlers at work, by process and execution."""
    starts: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    """How often the owner of an execution was given up for lost."""

    def __post_init__(self) -> None:
        self._outgoing: dict[str, tuple[str, dict[str, Any]]] = {}
        self._tickets: Counter[tuple[str, str]] = Counter()
        self._used: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, str] = {}
        self._attempts = 0
        for message in self.scenario.messages:
            for item in items_of(message):
                self._names.setdefault(item.id, f"{message.name}/{item.task}")
        for request in self.scenario.requests:
            self._names.setdefault(item_of(request.name, request.n, request.key).id, request.name)

    def name(self, execution: str) -> str:
        return self._names.get(execution, f"execution {execution[:8]}")

    def violated(self, rule: str) -> None:
        self.world.note("LEDGER", "!! %s", rule)
        self.violations.append(rule)

    # The store

    def written(self, replica: Replica, key: str, data: bytes, ttl: int | None) -> None:
        self.sequence += 1
        kind, _, rest = key.partition(":")
        if kind == "claim":
            self._claim_written(replica, rest, from_json(data))
        elif kind == "execution":
            self._outcome_written(replica, rest, from_json(data))
        elif kind == "published":
            self._marked(replica, rest)
        elif kind == "pulse":
            self._pulse_written(rest, from_json(data))
        else:
            self.world.note(replica.name, "wrote %s", key if kind == "entity" else kind)
        if ttl is None and key not in {"dead-letters:sim", f"entity:{rest}"}:
            self.violated(f"{kind} of {self.name(rest)} was written without a TTL")

    def _claim_written(self, replica: Replica, execution: str, claim: dict[str, Any]) -> None:
        name, now = self.name(execution), self.world.scheduler.now
        attempts, handed_back = claim["attempts"], claim["handed_back"]
        owner = attempts[-1]["owner"]
        old = self.claims.get(execution)
        if old is None:
            self.world.note(replica.name, "claimed %s", name)
        elif len(attempts) < len(old.attempts) or _owners(attempts[: len(old.attempts)]) != _owners(
            old.attempts
        ):
            self.violated(f"the claim of {name} lost a part of its history")
        elif len(attempts) > len(old.attempts) and owner != old.owner:
            self._taken_over(replica, execution, old)
        elif handed_back:
            self.world.note(replica.name, "handed %s back: %s", name, attempts[-1].get("ended"))
        elif len(attempts) > len(old.attempts):
            self.world.note(replica.name, "begins attempt %d of %s after %s", len(attempts), name, attempts[-2].get("ended"))  # fmt: skip
        if old is not None and len(attempts) > len(old.attempts) and attempts[-2].get("ended") == "lost":
            self.losses[execution] += 1
        self._tickets[execution, owner] += len(attempts) - (len(old.attempts) if old else 0)
        since = old.held_since if old is not None and old.owner == owner else now
        self.claims[execution] = Claimed(
            owner, claim["nonce"], claim["digest"], attempts, handed_back, now, self.sequence, since
        )

    def _pulse_written(self, owner: str, beat: dict[str, Any]) -> None:
        for claim in self.claims.values():
            if claim.owner == owner and claim.nonce in beat["nonces"]:
                claim.shown(self.world.scheduler.now)

    def _taken_over(self, replica: Replica, execution: str, old: Claimed) -> None:
        name, now = self.name(execution), self.world.scheduler.now
        self.world.note(replica.name, "took over %s from %s%s", name, old.owner, ", handed back" if old.handed_back else "")  # fmt: skip
        if old.handed_back:
            return
        old.shown(now)
        if old.longest < self.lease - 1e-6:
            self.violated(
                f"{name} was taken over, and its owner was never silent for more than {old.longest:.2f} s"
            )
        robbed = self.world.by_owner(old.owner)
        working = robbed.alive and self.running[robbed.name, execution]
        if working and robbed.disturbed_until < now - 3 * self.lease:
            self.violated(f"{name} was taken from {old.owner}, which lives and had no trouble")

    def _outcome_written(self, replica: Replica, execution: str, record: dict[str, Any]) -> None:
        name = self.name(execution)
        if record == self.records.get(execution):
            self.world.note(replica.name, "renewed the end of the time of %s", name)
            return
        error = record.get("error") or {}
        self.world.note(replica.name, "recorded %s: %s", name, error.get("code", "completed"))
        if execution in self.records:
            self.violated(f"the outcome of {name} was written twice")
        self.records[execution] = record
        for event in record["events"]:
            self._outgoing[event["id"]] = (execution, event)

    def left_behind(self, owner: str, since: float) -> list[str]:
        """What a process still holds; a claim that was on its way when it was asked to stop may come too late for it."""
        return [
            execution
            for execution, claim in self.claims.items()
            if claim.owner == owner
            and not claim.handed_back
            and execution not in self.records
            and claim.held_since <= since
        ]

    def _marked(self, replica: Replica, execution: str) -> None:
        record = self.records.get(execution)
        self.marked.add(execution)
        if record is None or not self.is_out(record):
            self.violated(f"{self.name(execution)} was marked as published before its events were out")

    # The broker

    def event_published(self, replica: Replica, topic: str, data: bytes) -> TooLarge | None:
        """A refusal when the broker takes it never."""
        event = from_json(data)
        known = self._outgoing.get(event["id"])
        name = self.name(known[0]) if known else "?"
        self.world.note(replica.name, "published %s of %s", topic, name)
        if known is None:
            self.violated(f"{topic} was published, and no recorded outcome holds it")
            return None
        execution, recorded = known
        if event != recorded or topic != recorded["type"]:
            self.violated(f"{topic} of {name} was published with another content than recorded")
        if topic == Worked.event_type and self.scenario.plans[event["data"]["n"]].undeliverable:
            self.undeliverable.add(event["id"])
            return TooLarge("as planned")
        if self.published[event["id"]]:
            self.repeated += 1
            if execution in self.settled:
                self.violated(f"{topic} of {name} was published again, long after all was quiet")
        self.published[event["id"]] += 1
        return None

    def is_out(self, record: dict[str, Any]) -> bool:
        """Whether every event of an outcome has been published, or can never be."""
        return all(
            self.published[event["id"]] or event["id"] in self.undeliverable for event in record["events"]
        )

    def acknowledged(self, entry: Entry) -> None:
        """At SUCCESS everything of the message is recorded and out: the broker will not bring it again."""
        for item in entry.items:
            record = self.record_of(item)
            if record is None and not self.is_refused(item):
                self.violated(f"{entry.name} was answered SUCCESS before {item.task} had an outcome")
            elif record is not None and not self.is_out(record):
                self.violated(f"{entry.name} was answered SUCCESS before its events were out")

    def record_of(self, item: Item) -> dict[str, Any] | None:
        """The outcome of an item; one whose identity was used before is recorded under an identity of its own."""
        for record in self.records.values():
            same = (record["task"], record["trigger_source"]) == (item.task, item.source)
            if (
                same
                and record["trigger_key"].startswith(item.key)
                and item.digest in {None, record["digest"]}
            ):
                return record
        return None

    def is_refused(self, item: Item) -> bool:
        """A request whose key another input had before: its caller was told so, its command does nothing."""
        claim = self.claims.get(item.id)
        return item.source == CALLER and claim is not None and claim.digest != item.digest

    # The handlers and the outside

    def handler_begins(self, replica: Replica, execution: str) -> tuple[int, int]:
        """A number that no other run has, and how many runs the execution had before."""
        name, key = self.name(execution), (execution, replica.owner)
        tries = self.starts[execution]
        self.starts[execution] += 1
        self._attempts += 1
        self.running[replica.name, execution] += 1
        self.world.note(replica.name, "runs %s (run %d)", name, tries + 1)
        self._used[key] += 1
        if self._used[key] > self._tickets[key] + replica.unanswered:
            self.violated(f"{name} runs in {replica.name} without a claim")
        return self._attempts, tries

    def handler_fails(self, replica: Replica, execution: str, failure: str) -> None:
        self.world.note(replica.name, "%s fails: %s", self.name(execution), failure)
        if failure == "unavailable":  # it is tried again in place, in the same attempt
            self._tickets[execution, replica.owner] += 1

    def handler_ends(self, replica: Replica, execution: str) -> None:
        self.running[replica.name, execution] -= 1
        claim, now = self.claims.get(execution), self.world.scheduler.now
        if claim is None or claim.owner == replica.owner or not replica.alive:
            return
        calm_since = max(claim.held_since, replica.disturbed_until, self.world.wire.down["store"])
        if now - calm_since > self.lease:
            self.violated(
                f"{self.name(execution)} ran on in {replica.name} for {now - calm_since:.1f} s after it was another's"
            )

    def effect_allowed(self, replica: Replica, execution: str, since: int) -> None:
        """The runtime let the handler have its effect: the claim must have been its own since `since`."""
        claim = self.claims.get(execution)
        if claim is None or (claim.owner != replica.owner and claim.sequence <= since):
            self.violated(
                f"{self.name(execution)} was given its effect in {replica.name}, which does not own it"
            )

    def effect(self, replica: Replica, execution: str) -> None:
        self.world.note(replica.name, "has the effect of %s", self.name(execution))
        self.effects[execution] += 1


def items_of(message: Message) -> list[Item]:
    """The work that a message asks for."""
    if message.n is None:
        key = hashlib.sha256(message.data).hexdigest()
        return [Item(message.name, "unreadable", f"/topics/{message.topic}", key, None, None)]
    digest = _digest(message.n)
    return [Item(message.name, task, SOURCE, message.key, digest, message.n) for task in TASKS[message.topic]]


def item_of_command(trigger: dict[str, Any]) -> Item:
    """The work that an agent's message to itself asks for: a request's, or a dead letter's once more."""
    n = (trigger["event"]["data"] if "event" in trigger else trigger["input"])["n"]
    return Item(
        f"command {trigger['key'][:8]}", trigger["task"], trigger["source"], trigger["key"], _digest(n), n
    )


def item_of(name: str, n: int, key: str) -> Item:
    """The work that a request asks for."""
    return Item(name, "work", CALLER, key, _digest(n), n)


def event_id(execution: str, index: str) -> str:
    """The identity of an outgoing event, as docs/architecture.md gives it."""
    return str(uuid5(NAMESPACE_URL, f"{execution}/{index}"))


def _digest(n: int) -> str:
    return hashlib.sha256(json.dumps({"n": n}).encode()).hexdigest()


def _owners(attempts: list[dict[str, Any]]) -> list[str]:
    return [attempt["owner"] for attempt in attempts]
