"""Waits for what another process does. The bound is for what never comes, and says nothing of how fast anything is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 150.0
"""Seconds."""


def eventually(check: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.1)
    return found


async def until(check: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """The check may block: it is asked in a thread."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(check):  # noqa: ASYNC110  # another process is looked into
            await asyncio.sleep(0.1)
