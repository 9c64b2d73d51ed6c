"""Tasks that nobody awaits before the end: what ends one is said, and it begins again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

AGAIN = 1.0
"""Seconds until it begins again."""
Result = TypeVar("Result")


async def go_on(what: str, work: Callable[[], Awaitable[Result]], say: Callable[[str], None]) -> Result:
    """What `work` returns at last. An error that it did not foresee is told to `say`, once until it is another one."""
    said = ""
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end what nobody would miss at once
            problem = f"{what} failed and begins again: {type(error).__name__}: {error}"
        if problem != said:
            say(problem)
            said = problem
        await asyncio.sleep(AGAIN)
