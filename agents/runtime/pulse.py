"""The pulse: one small document by which a process shows that it lives, and what it works on, however many runs it has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextvars import Context

from agents.runtime.documents import pulse_key
from agents.runtime.run import Run
from agents.runtime.timing import DAY, Timing
from domain.documents import decode, encode
from domain.errors import AgentError, DocumentUnreadable
from domain.execution import Beat, Claim
from domain.ports.state import StateStore

log = logging.getLogger(__name__)


class Pulse:
    """Beats while there are runs. Why nobody is robbed unnoticed is in docs/adr/0012-one-pulse-per-process.md."""

    def __init__(self, store: StateStore, owner: str, timing: Timing, runs: Collection[Run]) -> None:
        """`runs` are those of this process, as they come and go."""
        self._store = store
        self._key = pulse_key(owner)
        self._timing = timing
        self._runs = runs
        self._timer: asyncio.TimerHandle | None = None
        self._shown = 0.0
        """When the last beat began that the store surely has; before the first, when there was nothing to show."""
        self._beats: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """To be called before a run claims. Most runs end before their first beat is due: until then a timer is enough."""
        if self._timer is None:
            self._shown = asyncio.get_running_loop().time()
            self._set_timer()

    async def seen(self, claim: Claim) -> str | None:
        """What moves while the owner of a claim works on it; None while no pulse tells of it."""
        key = pulse_key(claim.owner)
        stored = await self._store.get(key)
        if stored is None:
            return None
        try:
            known = claim.nonce in decode(Beat, key, stored).nonces
        except DocumentUnreadable:  # of a newer version: it moves while its owner lives
            known = True
        return stored.etag if known else None

    def _set_timer(self) -> None:
        # In a context of its own: what is shown for all runs belongs to the trace of none.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._timing.beat, self._beat, context=Context())

    def _beat(self) -> None:
        """Each beat is a task of its own: one whose answer is late holds up none after it."""
        if not self._runs:
            self._timer = None
            return
        self._set_timer()
        beat = asyncio.create_task(self._show())
        self._beats.add(beat)
        beat.add_done_callback(self._beats.discard)

    async def _show(self) -> None:
        now = asyncio.get_running_loop().time
        began, told_of = now(), tuple(self._runs)
        beat = Beat(nonces=tuple(run.nonce for run in told_of))
        try:
            await self._store.put([(self._key, encode(beat))], ttl=DAY)
        except AgentError as error:
            log.warning("no pulse: %s", error)
            return
        for run in told_of:
            run.shown_at = max(run.shown_at, began)
        if now() - self._shown >= self._timing.silence:
            for run in self._runs:
                run.doubted = True
        self._shown = max(self._shown, began)
        await asyncio.gather(*(run.renew() for run in self._runs if run.is_to_renew))
