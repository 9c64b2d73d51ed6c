"""Connections that say nothing, or little at a time, all open at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from tests.abuse.credentials import JSON, ROOT, TICKET
from tests.abuse.field import Field
from tests.abuse.wire import _STATUS, CLOSED, PATIENCE

IDLE = 1_000
SLOW_HEADS = 60
SLOW_BODIES = 60
DRIP = 1.0
"""Seconds between two bytes."""


async def _connection(port: int, begin: bytes, drip: bytes) -> int:
    """Say `begin`, then `drip` byte by byte until the other side ends it: its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def talk() -> None:
        with contextlib.suppress(ConnectionError):
            for byte in drip:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(DRIP)

    raw, talking = b"", asyncio.create_task(talk())
    try:
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                writer.write(begin)
                while chunk := await reader.read(65536):
                    raw += chunk
    finally:
        talking.cancel()
        writer.close()
    found = _STATUS.findall(raw)
    return int(found[0]) if found else CLOSED


async def idle(field: Field) -> Counter[int]:
    """A thousand at once; each is closed by the agent."""
    return Counter(await asyncio.gather(*(_connection(field.desk.port, b"", b"") for _ in range(IDLE))))


async def slow_heads(field: Field) -> Counter[int]:
    begin = f"POST {ROOT}/open-ticket HTTP/1.1\r\nHost: agent.example\r\nX: ".encode()
    return Counter(
        await asyncio.gather(*(_connection(field.desk.port, begin, b"x" * 100) for _ in range(SLOW_HEADS)))
    )


async def slow_bodies(field: Field) -> Counter[int]:
    """Nobody in particular: they are refused before a byte of it is read, and let go."""
    head = f"POST {ROOT}/open-ticket HTTP/1.1\r\nHost: agent.example\r\n{JSON}\r\nContent-Length: {len(TICKET)}\r\n\r\n"
    return Counter(
        await asyncio.gather(
            *(_connection(field.desk.port, head.encode(), TICKET[:-1]) for _ in range(SLOW_BODIES))
        )
    )
