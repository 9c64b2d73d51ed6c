"""Runs a coroutine so that Ctrl-C, SIGTERM and a closed terminal all end it in order, children included."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, raising KeyboardInterrupt after the work has cleaned up, whatever signal came.

    asyncio.run handles SIGINT alone, and not at all in a shell's background job, where it is ignored at start. A signal in
    the last moment, too late to cancel anything, is not lost either: what would have come next must not begin.
    """
    told = False

    async def cancellable() -> T:
        task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()

        def stop(*_: object) -> None:
            nonlocal told
            told = True
            with suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(task.cancel)

        for number in SIGNALS:
            signal.signal(number, stop)
        return await task

    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        result = asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told:
        raise KeyboardInterrupt
    return result
