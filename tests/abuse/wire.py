"""Hostile bytes to a socket, and all that comes back until it closes."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

CLOSED = 0
"""The answer of whoever closes without one."""
PATIENCE = 90.0
"""Seconds: beyond them the agent hangs."""
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Reply:
    statuses: tuple[int, ...]
    raw: bytes

    @property
    def status(self) -> int:
        """Of the first answer."""
        return self.statuses[0] if self.statuses else CLOSED


def request(method: str, target: str, *headers: str, body: bytes = b"", close: bool = True) -> bytes:
    """A request that is well formed, but for what `target` and `headers` hold. UTF-8, as attackers send it."""
    head = [f"{method} {target} HTTP/1.1", "Host: agent.example", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}")
    if close:
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape") + body


async def ask(port: int, pieces: Iterable[bytes]) -> Reply:
    """Send on a connection of its own, and read to its end."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        raw = b""
        with contextlib.suppress(ConnectionError):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            except ConnectionError:  # it answered and closed while we sent
                pass
            while chunk := await reader.read(65536):
                raw += chunk
        writer.close()
    return Reply(tuple(int(status) for status in _STATUS.findall(raw)), raw)
