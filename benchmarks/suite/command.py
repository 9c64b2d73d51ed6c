"""What every command of the benchmarks does around its work."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console

from cli.errors import CommandError
from cli.output import console


def run(work: Callable[[Console], Coroutine[Any, Any, None]], *, interrupted: str = "") -> None:
    """Do it; errors, Ctrl-C and SIGTERM end the process with a sentence. `interrupted`: what else is to be said then."""
    try:
        asyncio.run(_until_terminated(work(console())))
    except CommandError as error:
        sys.exit(f"{error.message}\n{error.hint}".strip())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(f"interrupted; everything that was started is ended{interrupted}")


async def _until_terminated(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks beside what is done in it: the first error ends all, and comes out as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
