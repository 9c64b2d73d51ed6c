"""A live tail of the broker's streams: what anybody subscribed would see, remembered even when Redis forgets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

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


GROUP = "ledger"
"""A consumer group, as another subscriber would have: streams are trimmed of what every group has acknowledged."""


async def follow(seen: Seen, port: int) -> None:
    """For ever, through restarts of Redis and while there is none."""
    last: dict[bytes, tuple[int, int]] = {}
    while True:
        with suppress(RedisError, OSError):
            async with redis.asyncio.Redis(port=port, socket_connect_timeout=1) as client:
                for topic in TOPICS:
                    with suppress(ResponseError):  # it is there already
                        await client.xgroup_create(topic, GROUP, id="0", mkstream=True)
                # First what was given to us and not acknowledged when the connection broke.
                while await _read(seen, last, client, "0"):
                    pass
                while True:
                    await _read(seen, last, client, ">")
        await asyncio.sleep(0.1)


async def _read(
    seen: Seen, last: dict[bytes, tuple[int, int]], client: redis.asyncio.Redis, after: str
) -> bool:
    """Note what there is of every topic; whether there was anything.

    `last` holds the last entry of each topic: a Redis that forgot our answer gives out again what was noted.
    """
    found: Any = await client.xreadgroup(GROUP, GROUP, dict.fromkeys(TOPICS, after), count=500, block=250)
    at = time.monotonic()
    some = False
    for stream, entries in found or []:
        for entry, fields in entries:
            some = True
            time_part, _, index = entry.partition(b"-")
            place = (int(time_part), int(index))
            if place > last.get(stream, (0, 0)):
                last[stream] = place
                _note(seen, fields or {}, at)
        if entries:
            await client.xack(stream, GROUP, *(entry for entry, _ in entries))
    return some


def _note(seen: Seen, fields: Mapping[bytes, bytes], at: float) -> None:
    data = fields.get(b"data", b"")
    if len(data) > LARGEST:
        return
    with suppress(ValueError):
        event = json.parse(data)
        if isinstance(event, dict) and isinstance(event.get("id"), str):
            seen.event(event, data, at)
