"""What was seen of each chain, and what that means: lost, doubled, repeated."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from domain import json

MARKER = re.compile(rb"([a-z][a-z0-9-]*\.[0-9a-f]+)\.(\d{6})")
"""A chain's name, `RUN.NUMBER`: it stands in the specification's title, so prompts, events and notifications carry it."""

SPEC = "agents.testplanning.spec.generated"
RECORDED_BY = {
    "generate_code": "agents.implementation.code.generated",
    "compose": "agents.notification.send.requested",
}
"""Prompt → the event that only its recorded answer can bring about."""
SENT = "agents.notification.delivery.confirmed"
"""The event that only a recorded notification brings about."""
SHOWN = 10


@dataclass(slots=True)
class Chain:
    """Times are of the monotonic clock, which all processes of a machine share."""

    calls: list[tuple[str, float]] = field(default_factory=list)
    effects: list[tuple[str, bytes, float]] = field(default_factory=list)
    """(Idempotency-Key or Message-ID, digest of the content, when)."""
    events: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    """type → id → digests of the contents seen under it, one for each time it stood in the stream."""
    first_seen: dict[str, float] = field(default_factory=dict)
    """type → when the first event of it was seen."""

    def doubled(self) -> str | None:
        """What anybody outside would see twice; None when there is no such thing."""
        keys = {key for key, _, _ in self.effects}
        if len(keys) > 1:
            return f"{len(keys)} notifications with keys of their own"
        if len({content for _, content, _ in self.effects}) > 1:
            return "one key with two contents"
        for kind, ids in self.events.items():
            if len(ids) > 1:
                return f"{len(ids)} different events {kind}"
            if any(len(set(contents)) > 1 for contents in ids.values()):
                return f"an event {kind} with two contents under one id"
        return None

    @property
    def repeated_publications(self) -> int:
        """Our own publications of what begins the chain do not count."""
        return sum(
            len(contents) - 1
            for kind, ids in self.events.items()
            if kind != SPEC
            for contents in ids.values()
        )

    @property
    def repeated_effects(self) -> int:
        return len(self.effects) - len({key for key, _, _ in self.effects})

    @property
    def repeats(self) -> list[tuple[float, float]]:
        """Of each effect that came again: since when it had been had, and until when that may not have been recorded."""
        known: dict[str, float] = {}
        found = []
        for key, _, at in self.effects:
            if key in known:
                found.append((known[key], min(at, self.first_seen.get(SENT, at))))
            known[key] = at
        return found

    @property
    def calls_after_record(self) -> int:
        """Model calls for work whose outcome had been recorded: its event was in the broker before the call began."""
        return sum(
            1 for prompt, at in self.calls if at > self.first_seen.get(RECORDED_BY.get(prompt, ""), at)
        )


@dataclass
class Seen:
    """Everything seen from outside, by run of a row."""

    runs: dict[str, dict[str, Chain]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Chain)))
    dead_letters: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Id → (when first seen, cause)."""
    events_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Run → when each distinct event of it was first seen, the published ones included."""
    unknown: Counter[str] = field(default_factory=Counter)
    kept: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    """Run → (topic, message) of its events, each once, for the runs whose events are to be sent again."""

    def chain(self, text: bytes) -> Chain | None:
        found = MARKER.search(text)
        return self.runs[found[1].decode()][found[0].decode()] if found else None

    def call(self, chain: Chain, prompt: str, at: float) -> int:
        """Note a model call; how many of this prompt the chain had before."""
        before = sum(1 for known, _ in chain.calls if known == prompt)
        chain.calls.append((prompt, at))
        return before

    def effect(self, correlation_id: str, key: str, content: bytes, at: float) -> None:
        chain = self.chain(correlation_id.encode())
        if chain is None:
            self.unknown["effect"] += 1
        else:
            chain.effects.append((key, digest(content), at))

    def event(self, event: dict[str, Any], raw: bytes, at: float) -> None:
        kind, correlation = str(event.get("type")), event.get("correlationid")
        if kind.endswith(".dead-letter"):
            data = event.get("data")
            self.dead_letters.setdefault(event["id"], (at, data["cause"] if isinstance(data, dict) else "?"))
        found = MARKER.search(correlation.encode()) if isinstance(correlation, str) else None
        if found is None:
            return
        run, name = found[1].decode(), found[0].decode()
        chain = self.runs[run][name]
        ids = chain.events.setdefault(kind, {})
        if event["id"] not in ids:
            self.events_at[run].append(at)
            if run in self.kept:
                self.kept[run].append((kind, raw))
        ids.setdefault(event["id"], []).append(digest(json.dump(event.get("data"))))
        chain.first_seen.setdefault(kind, at)

    def figures(self, run: str, since: float = 0.0) -> dict[str, Any]:
        """What is told of a run; `since` limits the dead letters, which may belong to no chain."""
        chains = self.runs.get(run, {})
        doubled = {name: why for name, chain in chains.items() if (why := chain.doubled())}
        return {
            "done": sorted(name for name, chain in chains.items() if chain.effects),
            "first_effects": {name: chain.effects[0][2] for name, chain in chains.items() if chain.effects},
            "effects_at": sorted(chain.effects[0][2] for chain in chains.values() if chain.effects),
            "events_at": sorted(self.events_at[run]),
            "doubles": len(doubled),
            "doubled": dict(list(doubled.items())[:SHOWN]),
            "repeated_publications": sum(chain.repeated_publications for chain in chains.values()),
            "repeated_effects": sum(chain.repeated_effects for chain in chains.values()),
            "repeats": [repeat for chain in chains.values() for repeat in chain.repeats],
            "calls": sum(len(chain.calls) for chain in chains.values()),
            "calls_after_record": sum(chain.calls_after_record for chain in chains.values()),
            "dead_letters": dict(Counter(cause for at, cause in self.dead_letters.values() if at >= since)),
        }

    def steps(self, run: str) -> dict[str, dict[str, float]]:
        """Chain → type → when the first event of it was seen."""
        return {name: chain.first_seen for name, chain in self.runs.get(run, {}).items()}


def digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()
