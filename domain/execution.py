"""The execution: one durable record per unit of work, as two documents and a mark in the state store.

`claim:{id}` says who works on it, `execution:{id}` holds its outcome and is created once, `published:{id}` says that
its events are out; `pulse:{owner}` says that a process lives, for all its claims. What failed for good is listed in the
dead-letter index. The life cycle is `agents/runtime/runner.py`; why it is so is `docs/adr/0002-the-execution.md`.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from domain.event import Event

DOCUMENT_VERSION = 1
"""Version of the stored documents. Code of version N reads N−1 too, so that a rolling update can go both ways."""

_NAMESPACE: UUID = uuid5(NAMESPACE_URL, "urn:my-agents:execution")


def execution_id(agent: str, task: str, source: str, key: str) -> str:
    """The identity of a unit of work: the same event (or idempotency key) for the same task is the same execution."""
    return str(uuid5(_NAMESPACE, json.dumps([agent, task, source, key])))


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_Document):
    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class Trigger(_Document):
    """Why an execution exists: an event that one of the agent's tasks reacts to, or a request over HTTP.

    `source` and `key` are the event's source and id, or the caller and its idempotency key.
    Either `event` holds the whole event, or `input` what the request brought. `refusal` is why this can never run,
    when that was found before it was claimed: no CloudEvent, an identity that was used with another input.
    `replay_of` is the failed execution whose work this does again.
    """

    agent: str
    task: str
    source: str
    key: str
    input: Any = None
    correlation_id: str | None = None
    causation_id: str | None = None
    hops: int = 0
    traceparent: str | None = None
    event: Event | None = None
    refusal: Failure | None = None
    replay_of: str | None = None

    @cached_property
    def execution_id(self) -> str:
        return execution_id(self.agent, self.task, self.source, self.key)

    @property
    def root_correlation_id(self) -> str:
        """The given one, else the root execution's id."""
        return self.correlation_id or self.execution_id

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the input: one identity with two inputs is an error of the sender, not a redelivery."""
        payload = self.event.data if self.event else self.input
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


class Attempt(_Document):
    """`owner` is the process that ran, `ended` why it no longer does: an error's code, `lost`, or `handed_back`.

    The times are for people: no clock of another machine decides anything.
    """

    owner: str
    version: str | None = None
    started_at: str | None = None
    ended: str | None = None
    ended_at: str | None = None


class Claim(_Document):
    """Who works on an execution. Created once, then changed by ETag only.

    `nonce` belongs to the delivery that owns it; `waits_for` is what its owner waits for, as of its last pulse.
    """

    v: int = DOCUMENT_VERSION
    id: str
    nonce: str
    digest: str
    trigger: Trigger
    attempts: tuple[Attempt, ...] = Field(min_length=1)
    handed_back: bool = False
    waits_for: str | None = None

    @property
    def owner(self) -> str:
        """The process that works on it, or did last."""
        return self.attempts[-1].owner

    @property
    def crashes(self) -> int:
        """How often the process was lost that worked on it."""
        return sum(attempt.ended == "lost" for attempt in self.attempts)

    @property
    def crashes_if_lost(self) -> int:
        """The same, should the attempt that has not ended prove to be lost as well."""
        return self.crashes + (self.attempts[-1].ended is None)

    @property
    def failures(self) -> int:
        """How often a handler failed on it: neither crashes nor shutdowns count."""
        return sum(attempt.ended not in {None, "lost", "handed_back"} for attempt in self.attempts)


class Beat(_Document):
    """That a process lives: put at every beat of its pulse. `nonces` are those of the claims that it works on."""

    v: int = DOCUMENT_VERSION
    nonces: tuple[str, ...]


class Change(_Document):
    """A named pure function of an agent and its arguments, to be applied once to one entity."""

    entity: str
    function: str
    arguments: dict[str, Any]


class PromptUse(_Document):
    """`split` is what gave the version to this chain of work, None where it is simply the one in use."""

    name: str
    version: str
    content_hash: str
    split: str | None = None


class TokenUsage(_Document):
    input_tokens: int = 0
    output_tokens: int = 0


class DeadLetter(_Document):
    """A line of the dead-letter index: work that failed for good and waits for somebody to look at it.

    `size` is the original's, in bytes; `message` is clipped. `replayable` is False when the original is not whole, or no
    work of the agent. `replayed_as` is the execution that does it again.
    """

    id: str
    agent: str
    task: str
    cause: str
    message: str
    event_type: str | None = None
    event_id: str
    source: str
    size: int
    replayable: bool = True
    attempts: int
    first_seen: str
    last_seen: str
    state: Literal["open", "replayed", "dropped"] = "open"
    replayed_as: str | None = None
    dropped_because: str | None = None
    changed_at: str | None = None


class Execution(_Document):
    """The outcome, completed or failed: what everyone sees of a unit of work. Never changes once it is created.

    `model` is that of its last reply, `NAME/MODEL` as in `domain.chat.ChatReply`; older records have the NAME only where there
    were fallbacks. `cost` is what its models asked for, None where no prices are known.
    """

    v: int = DOCUMENT_VERSION
    id: str
    agent: str
    task: str
    status: Literal["completed", "failed"]
    correlation_id: str
    causation_id: str | None = None
    trigger_source: str
    trigger_key: str
    digest: str
    attempts: int
    prompt: PromptUse | None = None
    model: str | None = None
    usage: TokenUsage = TokenUsage()
    cost: float | None = None
    output: Any = None
    events: tuple[Event, ...] = ()
    changes: tuple[Change, ...] = ()
    error: Failure | None = None
    dead_letter: DeadLetter | None = None
    replay_of: str | None = None
    started_at: str
    completed_at: str
    duration_ms: float


class Published(_Document):
    """The mark that an outcome is visible. `undeliverable` are the ids of events that no broker will ever take,
    `unapplied` the entities whose changes raised when they were made.
    """

    at: str | None = None
    undeliverable: tuple[str, ...] = ()
    unapplied: tuple[str, ...] = ()
