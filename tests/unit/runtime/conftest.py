"""Leases, pauses and redeliveries pass at once, and a slow machine changes nothing: see `infrastructure.testing.virtual_time`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from infrastructure.testing.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual time": VirtualLoop}
