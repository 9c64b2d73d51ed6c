"""A snapshot of a running Redis, over its own replication protocol: all of it at one moment, while it goes on working.

The server writes it from a fork, as for a replica, so agents need not stop and no file of the server's has to be reachable.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.redis import Redis, info

SILENCE = 60.0
"""Seconds without a byte after which the server is given up: while it writes the snapshot, it sends a line every ten."""
_PATIENCE = 30.0
"""Seconds for one answer: Redis answers nothing while it forks."""
_CHUNK = 2**20


@dataclass(frozen=True)
class Source:
    """A running Redis; `password` is empty where it asks for none."""

    host: str
    port: int
    password: str = ""

    @contextmanager
    def connected(self) -> Iterator[Redis]:
        try:
            redis = Redis(self.host, self.port, _PATIENCE)
        except OSError as error:
            raise CommandError(
                f"no Redis answers at {self.host}:{self.port}: {error}",
                hint="a backup is taken of a running one: agents up, or name another with --redis HOST:PORT",
                code=ExitCode.NOT_RUNNING,
            ) from None
        with redis:
            try:
                if self.password:
                    redis.ask("AUTH", self.password)
                yield redis
            except OSError as error:
                raise _broken(f"{self.host}:{self.port}: {error}") from None
            except CommandError as error:
                raise CommandError(
                    f"{self.host}:{self.port}: {error.message}",
                    hint="is it a Redis? the password of one that asks for it goes into REDISCLI_AUTH",
                ) from None


@dataclass(frozen=True)
class Snapshot:
    taken_at: datetime
    redis_version: str
    size: int
    sha256: str


async def take_snapshot(source: Source, to: Path, told: Callable[[int, int], None]) -> Snapshot:
    """Write it to a new file. `told` gets the bytes there are and those there will be."""
    taken_at, version = await _begin(source)
    try:
        reader, writer = await asyncio.open_connection(source.host, source.port)
    except OSError as error:
        raise _broken(str(error)) from None
    try:
        if source.password:
            writer.write(_command("AUTH", source.password))
            await _line(reader)
        writer.write(_command("SYNC"))
        size = await _announced(reader)
        digest = hashlib.sha256()
        with to.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            left = size
            while left:
                chunk = await _patiently(reader.read(min(left, _CHUNK)))
                if not chunk:
                    raise _broken("it ended the connection before the snapshot's end")
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
                told(size - left, size)
            file.flush()
            os.fsync(file.fileno())
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return Snapshot(taken_at, version, size, digest.hexdigest())


async def _begin(source: Source) -> tuple[datetime, str]:
    """The moment, by Redis' clock, up to which everything will be in the snapshot, and the version."""
    with source.connected() as redis:
        # One that was begun for a replica before we came would be given to us as well.
        while info(redis, "persistence").get("rdb_bgsave_in_progress") == "1":  # noqa: ASYNC110  # Redis tells nobody
            await asyncio.sleep(0.1)
        seconds, microseconds = map(int, redis.ask("TIME"))
        version = info(redis, "server").get("redis_version", "unknown")
    return datetime.fromtimestamp(seconds + microseconds / 1e6, UTC), version


async def _announced(reader: asyncio.StreamReader) -> int:
    line = await _line(reader)
    if not (line[:1] == b"$" and line[1:].isdigit()):
        raise _broken(f"it answers {line.decode(errors='replace')!r}")
    return int(line[1:])


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next one that says something; empty ones say that it is still at work."""
    while True:
        line = await _patiently(reader.readline())
        if not line:
            raise _broken("it ended the connection")
        if line[:1] == b"-":
            raise _broken(f"it answers {line[1:].decode(errors='replace').strip()!r}")
        if stripped := line.strip():
            return stripped


async def _patiently(reading: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(SILENCE):
            return await reading
    except ConnectionError as error:
        raise _broken(str(error)) from None
    except TimeoutError:
        raise _broken(f"it said nothing for {SILENCE:.0f} s") from None


def _command(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)]
    return "".join(parts).encode()


def _broken(why: str) -> CommandError:
    return CommandError(
        f"Redis gave no snapshot: {why}",
        hint="no backup was made; look into Redis' log, then run it again",
        code=ExitCode.FAILED,
    )
