"""The load: chains put into the broker at a pace, by a publisher that does not give up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from domain.event import Event
from tests.faults.components import Broker
from tests.faults.outside.chains import SPEC

TICK = 0.02
CASE = {
    "id": "TC-1", "title": "The link works once", "given": "a link", "when": "it is used twice",
    "then": "the second time is refused", "priority": "high", "kind": "unit",
}  # fmt: skip


def spec_event(marker: str, **more: object) -> bytes:
    """The event that begins the chain of this name; `more` are fields of a newer publisher's."""
    known = {
        "spec_id": marker,
        "feature_title": f"Chain {marker}",
        "summary": "One of many.",
        "cases": [CASE],
    }
    spec = {**known, **more}
    event = Event(
        id=marker, source="/faults", type=SPEC, correlationid=marker, data=spec,
        datacontenttype="application/json",
    )  # fmt: skip
    return event.to_json()


async def pace(
    broker: Broker, messages: Sequence[list[bytes]], rate: float, published: Callable[[int], None]
) -> None:
    """Publish `rate` chains a second; `messages[i]` are the messages of chain i, `published(i)` follows when they are in."""
    started, sent = time.monotonic(), 0
    while sent < len(messages):
        due = min(int((time.monotonic() - started) * rate) + 1, len(messages))
        await broker.add([(SPEC, message) for chain in messages[sent:due] for message in chain])
        for number in range(sent, due):
            published(number)
        sent = due
        await asyncio.sleep(TICK)
