"""The load: chains put into the broker at a pace, by a publisher that does not give up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import redis.asyncio
from redis.exceptions import OutOfMemoryError, RedisError

from domain.event import Event
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


class Broker:
    """Redis as a publisher of another team sees it: an XADD that was not answered is repeated."""

    def __init__(self, port: int) -> None:
        self.client = redis.asyncio.Redis(port=port, socket_timeout=2, socket_connect_timeout=1)
        self.refused = 0
        """Entries that Redis refused for want of memory; each is repeated."""

    async def close(self) -> None:
        await self.client.aclose()

    async def add(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Until all (topic, message) of them are in."""
        left = list(entries)
        while left:
            results: list[Any] = left  # a list of no ids: nothing is in
            with suppress(RedisError, OSError):
                pipeline = self.client.pipeline(transaction=False)
                for topic, message in left:
                    pipeline.xadd(topic, {"data": message})
                results = await pipeline.execute(raise_on_error=False)
            self.refused += sum(isinstance(result, OutOfMemoryError) for result in results)
            left = [
                entry for entry, result in zip(left, results, strict=True) if not isinstance(result, bytes)
            ]
            if left:
                await asyncio.sleep(0.2)

    async def drained(self, patience: float = 30.0) -> None:
        """Until every group has read and answered all there is, or the patience ends."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with suppress(RedisError, OSError):
                if not await self._open_entries():
                    return
            await asyncio.sleep(0.2)

    async def _open_entries(self) -> bool:
        async for key in self.client.scan_iter("agents.*", _type="stream"):
            info: dict[str, Any] = await self.client.xinfo_stream(key)
            for group in await self.client.xinfo_groups(key):
                if group["pending"] or group["last-delivered-id"] != info["last-generated-id"]:
                    return True
        return False

    async def pending(self) -> int:
        """Entries that some group was given and has not answered."""
        found = 0
        async for key in self.client.scan_iter("agents.*", _type="stream"):
            found += sum(group["pending"] for group in await self.client.xinfo_groups(key))
        return found

    async def used_memory(self) -> int:
        info: dict[str, Any] = await self.client.info("memory")
        return int(info["used_memory"])


async def pace(
    broker: Broker, messages: Sequence[list[bytes]], rate: float, published: Callable[[int], None]
) -> None:
    """Publish `rate` chains a second; `messages[i]` are the entries of chain i, `published(i)` follows their XADD."""
    started, sent = time.monotonic(), 0
    while sent < len(messages):
        due = min(int((time.monotonic() - started) * rate) + 1, len(messages))
        await broker.add([(SPEC, message) for chain in messages[sent:due] for message in chain])
        for number in range(sent, due):
            published(number)
        sent = due
        await asyncio.sleep(TICK)
