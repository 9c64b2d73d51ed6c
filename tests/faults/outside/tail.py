"""What the ledger takes from the broker: every topic that a chain passes, by a subscription of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from domain import json
from tests.faults.outside.chains import SPEC, Seen

Note: TypeAlias = Callable[[bytes, float], None]
"""Takes a message, and when it was seen (time.monotonic())."""
LEDGER = "ledger"
TOPICS = [
    SPEC,
    "agents.implementation.code.generated",
    "agents.implementation.dead-letter",
    "agents.notification.send.requested",
    "agents.notification.sent.completed",
    "agents.notification.delivery.confirmed",
    "agents.notification.delivery.failed",
    "agents.notification.dead-letter",
]
LARGEST = 200_000
"""Bytes. Messages above are poison of ours: not worth parsing."""


def note(seen: Seen, message: bytes, at: float) -> None:
    if len(message) > LARGEST:
        return
    with suppress(ValueError):
        event = json.parse(message)
        if isinstance(event, dict) and isinstance(event.get("id"), str):
            seen.event(event, message, at)
