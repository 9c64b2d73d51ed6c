"""Runs a coroutine so that Ctrl-C, SIGTERM and a closed terminal all end it in order, children included."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, raising KeyboardInterrupt after the work has cleaned up, whatever signal came.

    asyncio.run handles SIGINT alone, and not at all in a shell's background job, where it is ignored at start.
    """

    async def cancellable() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
