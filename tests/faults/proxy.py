"""A TCP proxy between an app and its sidecar that can be told to behave like a bad network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import Enum

from tests.faults.system import PROXY_STEP

CHUNK = 65_536
SLOWNESS = 0.15
"""Seconds that a slow connection adds to every piece, each way."""


class Mode(Enum):
    NONE = "none"
    CUT = "cut"
    """Connections end, new ones are refused."""
    HALF_OPEN = "half-open"
    """Nothing comes through any more and nobody is told. What was open then stays silent for ever, also afterwards."""
    SLOW = "slow"


class Proxy:
    def __init__(self, target: int) -> None:
        self._target = target
        self._mode = Mode.NONE
        self._silenced: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._target + PROXY_STEP

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._end_connections()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def misbehave(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.CUT:
            self._end_connections()
        if mode is Mode.HALF_OPEN:
            self._silenced |= self._open

    def _end_connections(self) -> None:
        for writer in [*self._open]:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.CUT:
            writer.transport.abort()
            return
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, upstream}
        self._open |= both
        if self._mode is Mode.HALF_OPEN:
            self._silenced |= both
        pumps = [
            asyncio.ensure_future(self._pump(reader, upstream)),
            asyncio.ensure_future(self._pump(upstream_reader, writer)),
        ]
        self._pumps.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        if writer in self._silenced and not writer.is_closing():
            # The sidecar gave up: that does not come through either. The app has to find out by itself.
            upstream.transport.abort()
            await asyncio.wait(pumps[:1])
        for one in both:
            one.transport.abort()
        for pump in pumps:
            pump.cancel()
            self._pumps.discard(pump)
        self._open -= both
        self._silenced -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if writer in self._silenced:
                    continue
                if self._mode is Mode.SLOW:
                    await asyncio.sleep(SLOWNESS)
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def proxies(targets: Sequence[int]) -> AsyncIterator[list[Proxy]]:
    """One before each of the ports, as many steps up as the system expects them."""
    running = [Proxy(port) for port in targets]
    async with AsyncExitStack() as stack:
        for proxy in running:
            await proxy.start()
            stack.push_async_callback(proxy.close)
        yield running
