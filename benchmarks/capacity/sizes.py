"""Three sizes of a whole installation, all agents in the chart's production values: arithmetic only, as in `sizing.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agents.runtime.timing import DAY, Timing
from benchmarks.capacity import published, sizing
from benchmarks.capacity.results import Counted, Latency
from benchmarks.suite.measure import OUTSTANDING

SIZES = {"small": 1, "medium": 50, "large": 1_000}
"""Events/s of all agents together, all day."""
MODEL_S = 1.0
AGENTS = 5
# What the chart's values say, for production; a test compares.
LEAST_REPLICAS = 3
REQUESTED_CORES = 0.75
REQUESTED_MB = 768 * 2**20 / 1e6
LEAST_NODES = 3
"""One in each zone."""
LEAST_RU = 400
"""What a container with provisioned throughput has at least."""


@dataclass(frozen=True)
class Installation:
    """`tokens_per_minute` and `usd_for_tokens` are for a thousand tokens of each event: what an event takes is the prompt's."""

    name: str
    rate: int
    pods: int
    nodes: int
    writes: float
    ru: float
    ru_per_second: int
    kept_bytes: int
    storage_gb: float
    mb_per_second: float
    units: int

    @property
    def tokens_per_minute(self) -> int:
        return self.rate * 60 * 1000

    @property
    def usd_for_tokens(self) -> tuple[float, float]:
        """A month: for input, for output."""
        thousands = self.rate * 3600 * published.HOURS_PER_MONTH * 1000 / 1e6
        return thousands * published.TOKEN_PRICE.value[0], thousands * published.TOKEN_PRICE.value[1]

    @property
    def usd_per_month(self) -> dict[str, float]:
        hours = published.HOURS_PER_MONTH
        return {
            "nodes": self.nodes * published.NODE.value.usd_per_month,
            "Service Bus": self.units * published.MU_PRICE.value,
            "Cosmos DB, throughput": self.ru_per_second / 100 * published.RU_PRICE.value * hours,
            "Cosmos DB, storage": self.storage_gb * published.STORAGE_PRICE.value,
        }


def installation(name: str, rate: int, measured: Latency, own_s: float, counted: Counted) -> Installation:
    """`measured` is the load at the nearest model that was measured, `own_s` how long an event takes without its model."""
    beat = Timing().beat
    by_cpu = rate * measured.load.app_cpu_ms / 1000 / sizing.HEADROOM
    at_work = rate * (MODEL_S + own_s)
    by_places = at_work / (OUTSTANDING * sizing.HEADROOM)
    pods = AGENTS * max(LEAST_REPLICAS, math.ceil(max(by_cpu, by_places) / AGENTS))
    # Who does nothing has no pulse.
    beating = min(pods, at_work)
    stored = sizing.store(counted, pods, at_work / beating)
    pulse_ru = beating / beat * sizing.pulse(at_work / beating) / rate
    ru = stored.create_ru + pulse_ru + stored.expiry_ru
    node = published.NODE.value
    through = sizing.transferred(counted) * rate / 1e6
    return Installation(
        name=name,
        rate=rate,
        pods=pods,
        nodes=max(
            LEAST_NODES,
            math.ceil(max(pods * REQUESTED_CORES / node.cores, pods * REQUESTED_MB / node.memory_mb)),
        ),
        writes=len(counted.documents) + beating / beat / rate,
        ru=ru,
        ru_per_second=max(LEAST_RU, math.ceil(rate * ru / 100) * 100),
        kept_bytes=stored.stored_bytes,
        storage_gb=rate * DAY * stored.byte_days / 1e9,
        mb_per_second=through,
        units=sizing.units(through),
    )
