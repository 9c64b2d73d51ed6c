"""The few questions that status, doctor and supervisor ask Redis, in its own protocol: no client library for them."""

import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from cli.errors import CommandError

NEARLY_FULL, FULL = 0.75, 0.9
"""Share of maxmemory in use from which there is a note, and from which something is wrong."""


class Redis:
    """A blocking connection, used as a context manager; an error answer raises CommandError.

    A host that begins with a slash is the path of a Unix socket.
    """

    def __init__(self, host: str, port: int, timeout: float = 2.0) -> None:
        self._socket = _connected(host, port, timeout)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, *words: str) -> Any:
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            data = word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._socket.sendall(b"".join(parts))
        return self._answer()

    def _answer(self) -> Any:
        line = self._file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == b"-1" else [self._answer() for _ in range(int(rest))]
        raise CommandError(f"Redis answers {line.decode(errors='replace')!r}")


def _connected(host: str, port: int, timeout: float) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(host)
    except OSError:
        connection.close()
        raise
    return connection


def backlog(redis: Redis) -> list[dict[str, Any]]:
    """Per stream and consumer group: how much is waiting, how much is in work or waits for redelivery, and how long the
    oldest of both has been there (seconds, by Redis' own clock).
    """
    found = []
    seconds, microseconds = map(int, redis.ask("TIME"))
    now = seconds + microseconds / 1e6
    for stream in streams(redis):
        for fields in redis.ask("XINFO", "GROUPS", stream):
            group = dict(zip(fields[::2], fields[1::2], strict=True))
            oldest = _oldest(redis, stream, group)
            found.append(
                {
                    "topic": stream,
                    "agent": group["name"],
                    "pending": group["pending"],
                    "waiting": _waiting(redis, stream, group),
                    "oldest_s": None if oldest is None else max(0.0, round(now - oldest, 1)),
                }
            )
    return sorted(found, key=lambda entry: (entry["agent"], entry["topic"]))


COUNT_LIMIT = 1_000


def _waiting(redis: Redis, stream: str, group: dict[str, Any]) -> int:
    if group.get("lag") is not None:
        return int(group["lag"])
    # Before Redis 7 there is no lag: count what follows the last delivered entry, up to a limit.
    after = f"({group['last-delivered-id']}"
    return len(redis.ask("XRANGE", stream, after, "+", "COUNT", str(COUNT_LIMIT)))


def _oldest(redis: Redis, stream: str, group: dict[str, Any]) -> float | None:
    """When the oldest entry came that the group has not acknowledged: entries' ids begin with milliseconds."""
    first = redis.ask("XPENDING", stream, group["name"])[1] if group["pending"] else None
    if first is None:
        entries = redis.ask("XRANGE", stream, f"({group['last-delivered-id']}", "+", "COUNT", "1")
        first = entries[0][0] if entries else None
    return None if first is None else int(first.partition("-")[0]) / 1000


def streams(redis: Redis) -> list[str]:
    streams: set[str] = set()
    cursor = "0"
    while True:
        cursor, keys = redis.ask("SCAN", cursor, "TYPE", "stream", "COUNT", "1000")
        streams.update(keys)
        if cursor == "0":
            return sorted(streams)


@dataclass(frozen=True)
class Condition:
    """What decides whether a Redis keeps what it was given. `max_bytes` 0: it grows as long as the machine has memory."""

    version: str
    used_bytes: int
    max_bytes: int
    policy: str
    append_only: bool

    @property
    def fullness(self) -> float:
        return self.used_bytes / self.max_bytes if self.max_bytes else 0.0


def condition(redis: Redis) -> Condition:
    told = info(redis, "server", "memory", "persistence")
    return Condition(
        version=told.get("redis_version", "unknown"),
        used_bytes=int(told.get("used_memory", 0)),
        max_bytes=int(told.get("maxmemory", 0)),
        policy=told.get("maxmemory_policy", "unknown"),
        append_only=told.get("aof_enabled") == "1",
    )


def info(redis: Redis, *sections: str) -> dict[str, str]:
    return dict(
        line.split(":", 1)
        for section in sections
        for line in redis.ask("INFO", section).splitlines()
        if ":" in line
    )


def refusal(redis: Redis) -> str | None:
    """What it says to whoever writes; None when it takes what it gets. Nothing is written: no text, to no key."""
    try:
        redis.ask("SETRANGE", "agents:nothing", "0", "")
    except CommandError as error:
        return error.message
    return None


def in_mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
