"""How long who delivers work, or asks for it, waits for a run of it, and what it gets to know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agents.runtime.run import Run
from agents.runtime.watch import Watch
from domain.errors import AgentError, Unavailable
from domain.execution import Execution


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome is recorded and visible. `replayed`: this delivery did not run it."""

    execution: Execution
    replayed: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet: somebody works on it, or it waits for what `trouble` says."""

    trouble: AgentError | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """How a caller over HTTP waits: at most `patience` seconds, and not at all while the run is held up.

    It has no redelivery, so `announce` sends its request to the agent's own command topic before anything is claimed.
    `own_key`: its identity is the caller's own, which may have used it before.
    """

    announce: Callable[[], Awaitable[None]]
    patience: float
    own_key: bool = True
    watch: Watch | None = None


async def outcome_of(
    run: Run, request: Request | None, *, until: float | None, replayed: bool
) -> Settled | Pending | None:
    """A delivery waits for its own run as long as it takes, for another's until `until`; a request as it said."""
    trouble = run.trouble
    if request is None:
        timeout = None if until is None else until - asyncio.get_running_loop().time()
        await asyncio.wait({run.task}, timeout=timeout)
    else:
        waits = request.patience > 0
        run.callers += waits
        try:
            await claimed(run, request, until=None)
            trouble = run.trouble
            watched: set[asyncio.Future[Any]] = {run.task, trouble}
            await asyncio.wait(watched, timeout=request.patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            run.callers -= waits
    if not run.task.done():
        return Pending(trouble.result() if trouble.done() else None)
    if run.task.cancelled():
        return Pending()
    execution = run.task.result()
    return Settled(execution, replayed) if execution else None


async def claimed(run: Run, request: Request | None, *, until: float | None) -> bool:
    """Wait until it is known whether the work is the run's: before that, its input proves nothing. False: not by `until`.

    Raises:
        Unavailable: to a request, what the claim has to wait for.

    """
    trouble: asyncio.Future[Any] = run.trouble
    watched: set[asyncio.Future[Any]] = {run.task, run.claimed}
    if request is not None:
        watched.add(trouble)
    timeout = None if until is None else max(until - asyncio.get_running_loop().time(), 0)
    done, _ = await asyncio.wait(watched, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    if request is not None and not (run.claimed.done() or (run.task.done() and not run.task.cancelled())):
        raise (
            trouble.result() if trouble.done() else Unavailable("the claim is not sure yet", retry_after=1)
        )
    return bool(done)
