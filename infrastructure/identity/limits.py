"""How often one caller may ask: a token bucket each, in this replica's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 2.0
"""Seconds' worth of requests that may come at once."""
CALLERS = 10_000
"""Those who asked last; another one begins with a full bucket."""


class Limit:
    """`rate` requests in a second, by each caller. `now` is in seconds."""

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST)
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """0 when the caller may ask now, which counts; else the seconds after which that is so."""
        now = self._now()
        left, at = self._buckets.pop(caller, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
