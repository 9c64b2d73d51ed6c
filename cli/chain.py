"""The chain below an execution: derived, not searched.

What an event sets off follows from what is known: its source and id are in the record of the execution that emitted it,
the agents declare which of their tasks react to its type, and an execution's id is a function of those three.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from cli.client import AgentClient
from cli.errors import CommandError
from cli.readable import moment_of
from domain.execution import execution_id
from domain.json import JsonObject

Answer = TypeVar("Answer")

MAX_HOPS = 16
"""The runtime refuses longer chains, too."""
OVERDUE = 60.0
"""Seconds after its event from which an execution that nobody knows is no longer waited for."""

REFUSED = "no broker takes it"
UNPUBLISHED = "not published yet"
SETTLED = {"completed", "failed", "missing", "repeated"}


@dataclass
class Link:
    """One execution of the chain, or the place where one should be.

    `status` is the record's (`completed`, `failed`, `running`, `waiting`), or `expected`: its event is there, and the
    agent has not taken it up yet; `missing`: the same for more than a minute; `unknown`: its agent does not answer; `repeated`:
    it stands further up in the tree. `since` is when its event was emitted, None at the root.
    """

    agent: str
    task: str
    execution_id: str
    status: str
    record: JsonObject = field(default_factory=dict)
    since: str | None = None
    emitted: list[tuple[JsonObject, list["Link"]]] = field(default_factory=list)

    def walk(self) -> Iterator["Link"]:
        yield self
        for _, reactions in self.emitted:
            for reaction in reactions:
                yield from reaction.walk()

    def publication_of(self, event: JsonObject) -> str | None:
        """What is wrong with the publication of an event of this execution; None: it is out, as far as is known."""
        if event["id"] in (self.record.get("undeliverable") or ()):
            return REFUSED
        return None if self.record.get("published_at", "unknown") else UNPUBLISHED

    @property
    def waited(self) -> float | None:
        """Seconds since its event (at the root, since it began), while there is no outcome."""
        began = moment_of(self.since or self.record.get("started_at"))
        return None if began is None or self.record.get("completed_at") else _seconds_since(began)


class Chain:
    """Reads chains. Outcomes never change, so each is asked for once, however often the chain is read again."""

    def __init__(self, clients: Mapping[str, AgentClient]) -> None:
        self._clients = clients
        self._tasks: dict[str, list[JsonObject]] = {}
        self._outcomes: dict[str, JsonObject] = {}
        self.problems: dict[str, CommandError] = {}
        """Agents that did not answer the last time: their part of the chain is not known."""

    @property
    def size(self) -> int:
        return len(self._clients)

    def read(self, wanted: str) -> list[Link]:
        """The chain below an execution, or below each execution that brought a correlation id in; empty: nobody knows it."""
        self.problems = {}
        self._learn_reactions()
        roots = self._by_execution(wanted) or self._by_correlation(wanted)
        seen: set[str] = set()
        for root in roots:
            self._grow(root, seen, 0)
        return roots

    def _by_execution(self, wanted: str) -> list[Link]:
        for name in self._clients:
            record = self._execution(name, wanted)
            if record is not None:
                return [_link(record)]
        return []

    def _by_correlation(self, wanted: str) -> list[Link]:
        roots = []
        for name in self._clients:
            for execution in self._ask(name, lambda client: client.correlated(wanted)) or []:
                record = self._execution(name, execution)
                if record is not None:
                    roots.append(_link(record))
        return sorted(roots, key=lambda root: str(root.record.get("started_at", "")))

    def _grow(self, link: Link, seen: set[str], hops: int) -> None:
        if link.execution_id in seen:
            link.status = "repeated"
            return
        seen.add(link.execution_id)
        for event in link.record.get("events", []):
            reactions = (
                self._reactions_to(event) if hops < MAX_HOPS and link.publication_of(event) != REFUSED else []
            )
            link.emitted.append((event, reactions))
            for reaction in reactions:
                self._grow(reaction, seen, hops + 1)

    def _reactions_to(self, event: JsonObject) -> list[Link]:
        return [
            self._reaction(name, task["name"], event)
            for name, tasks in self._tasks.items()
            for task in tasks
            if event["type"] in task["reacts_to"]
        ]

    def _reaction(self, name: str, task: str, event: JsonObject) -> Link:
        child = execution_id(name, task, event["source"], event["id"])
        record = self._execution(name, child)
        since = event.get("time")
        if record is not None:
            return _link(record, since)
        if name in self.problems:
            return Link(name, task, child, "unknown", since=since)
        emitted = moment_of(since)
        late = emitted is None or _seconds_since(emitted) > OVERDUE
        return Link(name, task, child, "missing" if late else "expected", since=since)

    def _execution(self, name: str, wanted: str) -> JsonObject | None:
        known = self._outcomes.get(wanted)
        if known is not None:
            return known if known["agent"] == name else None
        record = self._ask(name, lambda client: client.execution(wanted))
        if record is not None and record["status"] in SETTLED and record.get("published_at", "unknown"):
            self._outcomes[wanted] = record
        return record

    def _learn_reactions(self) -> None:
        for name in self._clients:
            if name not in self._tasks:
                tasks = self._ask(name, lambda client: client.tasks())
                if tasks is not None:
                    self._tasks[name] = tasks

    def _ask(self, name: str, question: Callable[[AgentClient], Answer]) -> Answer | None:
        if name in self.problems:
            return None
        try:
            return question(self._clients[name])
        except CommandError as problem:
            self.problems[name] = problem
            return None


def unsettled(roots: list[Link]) -> list[Link]:
    """What is at work or awaited; nothing of it: the chain is quiet."""
    return [link for root in roots for link in root.walk() if link.status not in SETTLED]


def as_json(wanted: str, roots: list[Link], problems: Mapping[str, CommandError]) -> JsonObject:
    return {
        "id": wanted,
        "quiet": not unsettled(roots),
        "not_answering": sorted(problems),
        "roots": [_nested(root) for root in roots],
    }


def _nested(link: Link) -> JsonObject:
    shown = (
        "correlation_id",
        "started_at",
        "completed_at",
        "duration_ms",
        "attempts",
        "history",
        "waits_for",
        "published_at",
        "undeliverable",
        "replay_of",
        "model",
        "usage",
        "error",
    )
    return {
        "execution_id": link.execution_id,
        "agent": link.agent,
        "task": link.task,
        "status": link.status,
        "event_time": link.since,
        **{key: link.record[key] for key in shown if key in link.record},
        "events": [
            {
                "id": event["id"],
                "type": event["type"],
                "time": event.get("time"),
                "problem": link.publication_of(event),
                "reactions": [_nested(reaction) for reaction in reactions],
            }
            for event, reactions in link.emitted
        ],
    }


def _link(record: JsonObject, since: str | None = None) -> Link:
    return Link(record["agent"], record["task"], record["execution_id"], record["status"], record, since)


def _seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()
