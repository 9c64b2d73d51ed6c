"""A program that was started: its log, its life, and what it uses of the machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import aiohttp

from cli.errors import CommandError
from cli.local.process import Child

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""All that a process gets of our environment: a setting in somebody's shell is not to be measured."""


class Process:
    """Ends with us whatever happens. Output goes to `<name>.log` in the folder."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        folder: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._path = folder / f"{name}.log"
        self._log = self._path.open("ab", buffering=0)
        own = {key: os.environ[key] for key in INHERITED if key in os.environ}
        self.spawned = time.time_ns()
        self._child = Child(argv, cwd=cwd or folder, env={**own, **(env or {})}, on_output=self._write)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def ready(self, check: Callable[[], Awaitable[bool]], seconds: float = 40) -> None:
        """CommandError with the log's end when it exits or takes too long."""
        deadline = time.monotonic() + seconds
        while not await check():
            if not self._child.running:
                raise self.failure("ended before it was ready")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {seconds:.0f} s")
            await asyncio.sleep(0.02)

    def failure(self, what: str) -> CommandError:
        return CommandError(f"{self.name} {what}", hint=self.last_words())

    def last_words(self) -> str:
        end = self._path.read_text(errors="replace")[-1500:].strip()
        return f"the log of {self.name} ends with:\n{end}" if end else f"{self.name} says nothing in its log"

    async def kill(self) -> None:
        """SIGKILL, to its children too: what is measured is over, and data is thrown away."""
        self._child.kill()
        await self._child.wait()
        self._log.close()

    def _write(self, output: bytes) -> None:
        self._log.write(output)

    def cpu_ms(self) -> float:
        """User and system time so far, to 10 ms."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS * 1000

    def rss_mb(self) -> float:
        return int(self._read("statm").split()[1]) * PAGE / 1e6

    def _read(self, what: str) -> str:
        try:
            return Path(f"/proc/{self._child.pid}/{what}").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise self.failure("has ended") from None


async def answers(url: str, status: int) -> bool:
    timeout = aiohttp.ClientTimeout(total=1)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status == status
    except (aiohttp.ClientError, TimeoutError):
        return False


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
