"""Asks a process how it is. Three answers: ready, alive but not ready, or silence."""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from contextlib import suppress

TIMEOUT = 0.8


class Health(enum.Enum):
    READY = "ready"
    ALIVE = "alive"
    SILENT = "silent"


Probe = Callable[[], Awaitable[Health]]


def http(port: int, path: str, want: int, *, alive: str | None = None) -> Probe:
    """READY on the wanted status.

    `alive` is a second path, for when the first stays silent: a readiness check that waits for a slow model must
    not look like a hung process.
    """

    async def probe() -> Health:
        if alive is None:
            status = await _http_status(port, path)
        else:
            status, living = await asyncio.gather(_http_status(port, path), _http_status(port, alive))
            if status is None and living is not None:
                return Health.ALIVE
        return Health.SILENT if status is None else Health.READY if status == want else Health.ALIVE

    return probe


def redis(port: int) -> Probe:
    return _spoken(port, b"PING\r\n", ready=b"+PONG", alive=b"-")


def smtp(port: int) -> Probe:
    return _spoken(port, b"", ready=b"220", alive=b"4")


def grpc(port: int) -> Probe:
    """READY when something speaks HTTP/2: its first frame is SETTINGS (type 4)."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"

    async def probe() -> Health:
        answer = await _ask(port, preface, 9)
        return Health.READY if len(answer) > 3 and answer[3] == 4 else Health.SILENT

    return probe


def _spoken(port: int, say: bytes, *, ready: bytes, alive: bytes) -> Probe:
    async def probe() -> Health:
        answer = await _ask(port, say, len(ready))
        return (
            Health.READY if answer == ready else Health.ALIVE if answer.startswith(alive) else Health.SILENT
        )

    return probe


async def _http_status(port: int, path: str) -> int | None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    words = (await _ask(port, request.encode(), 12)).split()
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else None


async def _ask(port: int, say: bytes, length: int) -> bytes:
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(say)
                return await reader.readexactly(length)
            finally:
                writer.close()
    return b""
