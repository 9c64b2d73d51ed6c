"""The requests and tokens that all replicas may send to a model, as a bucket in the state store that fills steadily.

A replica takes what it will need for about a second, so that the store is asked a few times a second at most, however many calls
there are. The bucket holds ten seconds' worth: in any minute at most the limit and a sixth of it go out, and what each
replica holds. Who needs more than the bucket holds waits until it is full, and leaves it in debt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from domain.errors import AgentError
from domain.json import JsonObject
from domain.ports.state import StateStore
from infrastructure.llm.shared import change

log = logging.getLogger(__name__)

DEPTH = 10.0
"""Seconds' worth that the bucket holds."""
AHEAD = 1.0
"""Seconds' worth that a replica takes at a time."""
FIRST_SHARE = 0.1
"""Of the limit, for a replica that cannot ask the store and has never been given anything."""
WINDOW = 60.0
SHORTEST = AHEAD / 2
"""Seconds to wait at least, before the store is asked again: where all is used up, calls go out in batches."""
_LITTLE = 1e-6
"""Sums of floating-point seconds do not come out to the last digit."""


@dataclass(slots=True)
class Allowance:
    """One resource of one model; `a_second` is the limit. `clock` is the machines' common one, `now` the process's own."""

    store: StateStore
    key: str
    a_second: float
    now: Callable[[], float]
    clock: Callable[[], float] = time.time
    left: float = 0.0
    """What this replica may still send; below 0 it has sent more than it had thought."""
    _given: float = 0.0
    _given_since: float | None = None
    _share: float = 0.0
    """A second, while the store is down."""
    _last_alone: float | None = None
    """When this replica last helped itself, while the store was down."""

    async def take(self, need: float) -> float:
        """Get hold of so much. Returns 0.0 when `left` is enough now, else for how many seconds it will not be."""
        if self.holds(need):
            return 0.0
        wait = given = 0.0

        def apply(document: JsonObject) -> None:
            nonlocal wait, given
            depth, level = self.a_second * DEPTH, self._level(document)
            missing = need - self.left
            # More than a bucket holds is given when it is full: else it would never be.
            short = min(missing, depth) - level
            wait = 0.0 if short < _LITTLE else max(short / self.a_second, SHORTEST)
            given = 0.0 if wait else max(missing, min(self.a_second * AHEAD, level))
            document["level"] = level - given

        try:
            await change(self.store, self.key, apply, mark=uuid4().hex, ttl=3600)
        except AgentError as error:
            given, wait = self._alone(need - self.left, error)
        else:
            self._last_alone = None
            self._note(given)
        self.left += given
        return wait

    def holds(self, need: float) -> bool:
        return self.left >= need - _LITTLE

    def settle(self, estimated: float, used: float) -> None:
        """What a call did not need serves the next one; what it needed beyond, the next ones have to wait for."""
        self.left += estimated - used

    def _level(self, document: JsonObject) -> float:
        """How full the bucket is. A clock that is behind the others' fills nothing."""
        depth, now = self.a_second * DEPTH, self.clock()
        before = document.get("at", now)
        document["at"] = max(now, before)
        return float(min(document.get("level", depth) + (document["at"] - before) * self.a_second, depth))

    def _note(self, given: float) -> None:
        """Remember what the store gave in about the last minute: this replica's share, should the store be down."""
        now = self.now()
        if self._given_since is None or now - self._given_since > 2 * WINDOW:
            self._given, self._given_since = 0.0, now
        elif now - self._given_since > WINDOW:
            self._given, self._given_since = self._given / 2, now - WINDOW / 2
        self._given += given

    def _alone(self, missing: float, error: AgentError) -> tuple[float, float]:
        """Go on with the last share, as it fills; with what and for how long to wait."""
        now = self.now()
        if self._last_alone is None:
            log.warning(
                "the shared limit cannot be asked, this replica goes on with its last share: %s", error
            )
            self._last_alone = now
            lasted = max(now - self._given_since, WINDOW / 2) if self._given_since is not None else WINDOW
            self._share = min(self._given / lasted, self.a_second) or self.a_second * FIRST_SHARE
        share = self._share
        filled = (now - self._last_alone) * share
        if filled < missing - _LITTLE:
            return 0.0, max((missing - filled) / share, SHORTEST)
        self._last_alone = now
        return max(missing, min(filled, share * DEPTH)), 0.0
