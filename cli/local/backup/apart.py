"""A redis-server of our own that has loaded a snapshot: the proof that it can be loaded. Nobody else can reach it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError
from cli.local.backup.manifest import Contents
from cli.local.process import Child, describe_exit
from cli.local.provision.programs import end_group
from cli.local.redis import Redis, info, streams

_PATIENCE = 30.0
"""Seconds for one answer: Redis answers nothing while it forks."""
_SCANNED = 1_000
_LAST_WORDS = 2_000


class Unloadable(Exception):
    """What the server said before it ended."""


class Apart:
    def __init__(self, redis: Redis, child: Child) -> None:
        self.redis = redis
        self._child = child

    async def make_append_only(self) -> None:
        """Write all of it into an append-only file beside the snapshot, as the platform's Redis reads it, and end.

        Raises:
            CommandError: it could not, for want of disk for instance.

        """
        self.redis.ask("CONFIG", "SET", "appendonly", "yes")
        while (told := info(self.redis, "persistence")).get("aof_rewrite_in_progress") == "1":  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # Redis tells nobody when it is done
        if told.get("aof_enabled") != "1" or told.get("aof_last_bgrewrite_status") != "ok":
            raise CommandError(
                "redis-server could not write its append-only file",
                hint="is the disk full? nothing was changed",
            )
        self._child.terminate()
        if code := await self._child.wait():
            raise CommandError(f"redis-server ended badly after it wrote its file: {describe_exit(code)}")

    async def contents(self) -> Contents:
        redis = self.redis
        space = [
            dict(part.split("=") for part in value.split(","))
            for name, value in info(redis, "keyspace").items()
            if name.startswith("db")
        ]
        found = streams(redis)
        groups = [
            dict(zip(one[::2], one[1::2], strict=True))
            for s in found
            for one in redis.ask("XINFO", "GROUPS", s)
        ]
        return Contents(
            keys=sum(int(one["keys"]) for one in space),
            expiring=sum(int(one["expires"]) for one in space),
            documents=await self._documents(set(found)),
            streams=len(found),
            events=sum(redis.ask("XLEN", stream) for stream in found),
            groups=len(groups),
            pending=sum(group["pending"] for group in groups),
        )

    async def _documents(self, others: set[str]) -> dict[str, int]:
        """Keys by kind: the sidecars keep `claim:…` of an agent under `AGENT||claim:…`. Others may share the Redis."""
        counted: dict[str, int] = {}
        cursor = "0"
        while True:
            cursor, keys = self.redis.ask("SCAN", cursor, "COUNT", str(_SCANNED))
            for key in keys:
                if key not in others:
                    _, ours, name = key.rpartition("||")
                    kind = name.partition(":")[0] if ours else "of others"
                    counted[kind] = counted.get(kind, 0) + 1
            if cursor == "0":
                return dict(sorted(counted.items()))
            await asyncio.sleep(0)  # so that Ctrl-C comes through


@dataclass(frozen=True)
class Server:
    """How such a server is started. `told` gets what is going on, as text for the user."""

    program: Path
    env: Mapping[str, str]
    told: Callable[[str], None]

    @asynccontextmanager
    async def loaded(self, snapshot: Path) -> AsyncIterator[Apart]:
        """Started in the snapshot's folder, ended with the block.

        Raises:
            Unloadable: it does not load.

        """
        said = bytearray()
        with tempfile.TemporaryDirectory(
            prefix="agents-redis-"
        ) as place:  # a socket's path may have 107 bytes
            socket = f"{place}/socket"
            options = {
                "port": "0",
                "unixsocket": socket,
                "unixsocketperm": "700",
                "dir": str(snapshot.parent),
                "dbfilename": snapshot.name,
                "save": "",
                "appendonly": "no",
            }
            words = [word for name, value in options.items() for word in (f"--{name}", value)]
            child = Child(
                [self.program, *words],
                cwd=snapshot.parent,
                env=self.env,
                on_output=said.extend,
                # A Redis that writes its first append-only file ignores a SIGTERM, and would stay for ever.
                when_we_die=signal.SIGKILL,
            )
            try:
                with await _connected(socket, child, said) as redis:
                    await self._all_loaded(redis, child, said)
                    yield Apart(redis, child)
            finally:
                await end_group(child)

    async def _all_loaded(self, redis: Redis, child: Child, said: bytearray) -> None:
        while True:
            try:
                now = info(redis, "persistence")
            except (OSError, CommandError):  # it ended in the middle of an answer
                await asyncio.wait([asyncio.ensure_future(child.wait())], timeout=_PATIENCE)
                _require_running(child, said)
                raise
            if now.get("loading") == "0":
                return
            self.told(f"loading: {float(now.get('loading_loaded_perc', '0')):.0f} %")
            await asyncio.sleep(0.05)


async def _connected(socket: str, child: Child, said: bytearray) -> Redis:
    while True:
        try:
            return Redis(socket, 0, _PATIENCE)
        except OSError:
            _require_running(child, said)
            await asyncio.sleep(0.02)


def _require_running(child: Child, said: bytearray) -> None:
    if not child.running:
        raise Unloadable(said[-_LAST_WORDS:].decode(errors="replace"))
