"""How many bytes one event writes: exact, so that whoever lets a document grow sees it here (docs/capacity.md counts on it)."""

from __future__ import annotations

from agents.implementation import AGENT
from agents.runtime.documents import claim_key, execution_key, published_key
from domain.event import Event
from domain.events.testplanning import SpecGenerated
from domain.execution import execution_id
from domain.json import dump, parse
from infrastructure.testing.platform import MemoryPlatform

SPEC = {
    "spec_id": "SPEC-1",
    "feature_title": "Password reset by mail",
    "summary": "Whoever forgot the password gets a link that works once.",
    "cases": [
        {
            "id": "TC-1", "title": "The link works once", "given": "a link", "when": "it is used twice",
            "then": "the second time is refused", "priority": "high", "kind": "unit",
        }
    ],
}  # fmt: skip
VARYING = {"time": "t" * 32, "started_at": "t" * 32, "completed_at": "t" * 32, "at": "t" * 32,
           "duration_ms": 1.0, "owner": "o" * 40}  # fmt: skip


async def test_an_event_writes_three_documents_and_one_event_of_known_size() -> None:
    incoming = Event(id="1", source="/tests", type=SpecGenerated.event_type, data=SPEC)
    async with MemoryPlatform([AGENT]) as platform:
        platform.publish(incoming)
        await platform.quiet(0.3)
        done = execution_id("implementation", "generate-code", "/tests", "1")
        store, (event,) = platform.stores["implementation"], platform.events[1:]
        sizes = {}
        for key in (claim_key(done), execution_key(done), published_key(done)):
            stored = await store.get(key)
            assert stored is not None
            sizes[key.partition(":")[0]] = len(dump(settled(parse(stored.data))))
    assert len(incoming.to_json()) == 404
    assert sizes == {"claim": 813, "execution": 1621, "published": 75}
    assert len(dump(settled(parse(event.to_json())))) == 733


def settled(value: object) -> object:
    """With what differs from run to run written in one length."""
    if isinstance(value, dict):
        return {name: VARYING.get(name, settled(inner)) for name, inner in value.items()}
    return [settled(inner) for inner in value] if isinstance(value, list) else value
