"""Redis: streams with consumer groups, and the store beside them."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from cli.local.redis import Redis, condition
from tests.faults.components.port import Broker
from tests.faults.outside.tail import LEDGER, TOPICS, Note
from tests.integration.local.project import ROOT

PORT = 6379


class OnRedis:
    name, manifest, keeps = "redis", "dapr.yaml", True

    def prepare(self, project: Path, agents: Sequence[str]) -> None:  # streams make themselves
        shutil.copytree(ROOT / "components" / self.name, project / "components" / self.name)

    def beside(self, folder: Path) -> AbstractAsyncContextManager[Mapping[str, str]]:
        return nullcontext({})

    def broker(self, offset: int) -> Broker:
        return RedisBroker(PORT + offset)

    async def follow(self, note: Note, offset: int) -> None:
        """By a consumer group, as another subscriber would: streams are trimmed of what every group has acknowledged."""
        last: dict[bytes, tuple[int, int]] = {}
        while True:
            with suppress(RedisError, OSError):
                async with redis.asyncio.Redis(port=PORT + offset, socket_connect_timeout=1) as client:
                    for topic in TOPICS:
                        with suppress(ResponseError):  # it is there already
                            await client.xgroup_create(topic, LEDGER, id="0", mkstream=True)
                    # First what was given to us and not acknowledged when the connection broke.
                    while await _read(note, last, client, "0"):
                        pass
                    while True:
                        await _read(note, last, client, ">")
            await asyncio.sleep(0.1)

    def versions(self, offset: int) -> dict[str, str]:
        with Redis("127.0.0.1", PORT + offset) as server:
            return {"Redis": condition(server).version}


class RedisBroker:
    """An XADD that was not answered is repeated. It refuses for want of memory."""

    largest = 512 * 2**20

    def __init__(self, port: int) -> None:
        self.client = redis.asyncio.Redis(port=port, socket_timeout=2, socket_connect_timeout=1)
        self.refused = 0

    async def close(self) -> None:
        await self.client.aclose()

    async def add(self, entries: Sequence[tuple[str, bytes]]) -> None:
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

    async def left(self) -> int | None:
        """Entries given and not answered, and one for each group that has not been given all."""
        found = 0
        with suppress(RedisError, OSError):
            async for key in self.client.scan_iter("agents.*", _type="stream"):
                info: dict[str, Any] = await self.client.xinfo_stream(key)
                for group in await self.client.xinfo_groups(key):
                    found += group["pending"]
                    found += group["last-delivered-id"] != info["last-generated-id"]
            return found
        return None

    async def given_up(self) -> int | None:
        return None

    async def used_memory(self) -> int:
        info: dict[str, Any] = await self.client.info("memory")
        return int(info["used_memory"])


async def _read(
    note: Note, last: dict[bytes, tuple[int, int]], client: redis.asyncio.Redis, after: str
) -> bool:
    """Note what there is of every topic; whether there was anything.

    `last` holds the last entry of each topic: a Redis that forgot our answer gives out again what was noted.
    """
    found: Any = await client.xreadgroup(LEDGER, LEDGER, dict.fromkeys(TOPICS, after), count=500, block=250)
    at = time.monotonic()
    some = False
    for stream, entries in found or []:
        for entry, fields in entries:
            some = True
            time_part, _, index = entry.partition(b"-")
            place = (int(time_part), int(index))
            if place > last.get(stream, (0, 0)):
                last[stream] = place
                note((fields or {}).get(b"data", b""), at)
        if entries:
            await client.xack(stream, LEDGER, *(entry for entry, _ in entries))
    return some
