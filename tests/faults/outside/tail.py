"""A live tail of the broker's streams: what anybody subscribed would see, remembered even when Redis forgets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from domain import json
from tests.faults.outside.chains import SPEC, Seen

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
"""Entries above are poison of ours: not worth parsing."""


async def follow(seen: Seen, port: int) -> None:
    """For ever, through restarts of Redis and while there is none."""
    last: dict[Any, Any] = dict.fromkeys(TOPICS, "0-0")
    while True:
        with suppress(RedisError, OSError):
            async with redis.asyncio.Redis(port=port, socket_connect_timeout=1) as client:
                while True:
                    answer: Any = await client.xread(last, count=500, block=250)
                    at = time.monotonic()
                    for stream, entries in answer or []:
                        for entry, fields in entries:
                            _note(seen, fields, at)
                            last[stream.decode()] = entry
        await asyncio.sleep(0.1)


def _note(seen: Seen, fields: Mapping[bytes, bytes], at: float) -> None:
    data = fields.get(b"data", b"")
    if len(data) > LARGEST:
        return
    with suppress(ValueError):
        event = json.parse(data)
        if isinstance(event, dict) and isinstance(event.get("id"), str):
            seen.event(event, data, at)
