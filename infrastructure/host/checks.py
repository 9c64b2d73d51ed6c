"""What `/readyz` believes: checks are made in the background, so that a probe is answered at once, however busy the machine."""

from __future__ import annotations

import asyncio
import logging
from math import inf

from domain.errors import AgentError
from domain.ports.state import StateStore
from infrastructure.host.service import Check

log = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds after which a check without an answer counts as failed."""
AT_ONCE = 0.05
"""Seconds that a probe waits for a check that may bring good news."""


class Believed:
    """A `Check` around another one, whose answer is believed for `every` seconds; bad news is asked again at each probe.

    One answer that does not come in time is asked for again before it counts: a busy machine is no broken one.
    """

    def __init__(self, check: Check, every: float) -> None:
        self._check = check
        self._every = every
        self._problem: str | None = "not asked yet"
        self._asked_at = 0.0
        self._silent = 0
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self) -> str | None:
        now = asyncio.get_running_loop().time()
        idle = self._asking is None or self._asking.done()
        if idle and (self._problem is not None or now - self._asked_at >= self._every):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        if self._problem is not None and self._asking is not None:
            await asyncio.wait({self._asking}, timeout=AT_ONCE)
        return self._problem

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                self._problem = await self._check()
            self._silent = 0
        except TimeoutError:
            self._silent += 1
            self._asked_at = 0.0
            if self._silent > 1:
                self._problem = f"no answer within {PATIENCE:g} s, {self._silent} times"
        except Exception as error:
            log.exception("a check failed")
            self._problem = f"the check failed with {type(error).__name__}; see the log"


class Proven(Believed):
    """A `Check` that is asked until it is passed once: for what is wrong from the beginning, or not at all."""

    def __init__(self, check: Check) -> None:
        super().__init__(check, every=inf)


async def write_proof(store: StateStore, agent: str) -> str | None:
    """Whether documents can be written: a container with another partition key, or one to be read only, shows it no earlier."""
    try:
        await store.put([(f"proof:{agent}", b"{}")], ttl=60)
    except AgentError as error:
        return f"nothing can be written: {error.message}"
    return None
