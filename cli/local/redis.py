"""The few questions `agents status` asks Redis, in its own protocol: no client library at run time for them."""

import socket
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from cli.errors import CommandError


class Redis:
    """A blocking connection, used as a context manager; an error answer raises CommandError."""

    def __init__(self, host: str, port: int, timeout: float = 2.0) -> None:
        self._socket = socket.create_connection((host, port), timeout)
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


def backlog(redis: Redis) -> list[dict[str, Any]]:
    """Per stream and consumer group: how much is waiting, and how much is in work or waits for redelivery."""
    found = []
    for stream in _streams(redis):
        for fields in redis.ask("XINFO", "GROUPS", stream):
            group = dict(zip(fields[::2], fields[1::2], strict=True))
            waiting = _waiting(redis, stream, group)
            found.append(
                {"topic": stream, "agent": group["name"], "pending": group["pending"], "waiting": waiting}
            )
    return sorted(found, key=lambda entry: (entry["agent"], entry["topic"]))


COUNT_LIMIT = 1_000


def _waiting(redis: Redis, stream: str, group: dict[str, Any]) -> int:
    if group.get("lag") is not None:
        return int(group["lag"])
    # Before Redis 7 there is no lag: count what follows the last delivered entry, up to a limit.
    after = f"({group['last-delivered-id']}"
    return len(redis.ask("XRANGE", stream, after, "+", "COUNT", str(COUNT_LIMIT)))


def _streams(redis: Redis) -> list[str]:
    streams: set[str] = set()
    cursor = "0"
    while True:
        cursor, keys = redis.ask("SCAN", cursor, "TYPE", "stream", "COUNT", "1000")
        streams.update(keys)
        if cursor == "0":
            return sorted(streams)


def version(host: str, port: int) -> str | None:
    with suppress(OSError, CommandError), Redis(host, port) as redis:
        for line in redis.ask("INFO", "server").splitlines():
            if line.startswith("redis_version:"):
                return str(line.partition(":")[2])
    return None
