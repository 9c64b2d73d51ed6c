"""From what was counted and measured to a cluster: arithmetic only, every constant named here or in `published.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from agents.runtime.timing import DAY, Timing
from benchmarks.capacity import published
from benchmarks.capacity.results import Counted, Latency
from benchmarks.suite.measure import OUTSTANDING
from domain.documents import encode
from domain.execution import Beat
from domain.json import dump

RATE = 1_000
"""Events/s of the worked example."""
HEADROOM = 0.6
"""Share of a pod (its core, its places, its node's memory) that is used: the rest is for peaks, replacements and redelivery."""
SUBSCRIBERS = 1
"""Of the event that goes out."""
MODELS_S = (0.2, 1.0, 5.0)
KEY = 36
"""Characters of an execution's id."""
NONCE = 12
"""Characters by which a pulse names a claim."""
DEFAULT_TERMS = 5
"""Of our documents under Cosmos DB's default policy: value, isBinary, partitionKey, ttl, _ts."""
# What Cosmos DB adds to a document of its own, in the lengths that it has.
_SYSTEM = {
    "_rid": "d9RzAJRFKgwBAAAAAAAAAA==",
    "_self": "dbs/d9RzAA==/colls/d9RzAJRFKgw=/docs/d9RzAJRFKgwBAAAAAAAAAA==/",
    "_etag": '"0000d826-0000-0700-0000-5b58130b0000"',
    "_attachments": "attachments/",
    "_ts": 1532498699,
}


@dataclass(frozen=True)
class Store:
    """What one event costs Cosmos DB, without an index. `stored` in bytes for as long as its documents live, in byte days."""

    create_ru: float
    pulse_ru: float
    expiry_ru: float
    index_ru: float
    stored_bytes: int
    byte_days: float

    @property
    def ru(self) -> float:
        return self.create_ru + self.pulse_ru + self.expiry_ru


@dataclass(frozen=True)
class Cluster:
    """What RATE events/s need at a model that takes `model_s`."""

    model_s: float
    pods_by_cpu: float
    pods_by_places: float
    pods: int
    cores: float
    memory_mb: float
    nodes: int
    store: Store
    ru_per_second: int
    storage_gb: float
    mb_per_second: float
    units: int

    @property
    def usd_per_month(self) -> dict[str, float]:
        hours = published.HOURS_PER_MONTH
        return {
            "nodes": self.nodes * published.NODE.value.usd_per_month,
            "Service Bus": self.units * published.MU_PRICE.value,
            "Cosmos DB, throughput": self.ru_per_second / 100 * published.RU_PRICE.value * hours,
            "Cosmos DB, storage": self.storage_gb * published.STORAGE_PRICE.value,
        }

    @property
    def usd_per_million(self) -> float:
        return sum(self.usd_per_month.values()) / (RATE * 3600 * published.HOURS_PER_MONTH / 1e6)


def cluster(model_s: float, measured: Latency, own_s: float, counted: Counted) -> Cluster:
    """`measured` is the load at the nearest model that was measured, `own_s` how long an event takes without its model."""
    load = measured.load
    cores = RATE * (load.app_cpu_ms + load.sidecar_cpu_ms) / 1000 / HEADROOM
    by_cpu = RATE * load.app_cpu_ms / 1000 / HEADROOM  # a process has one core at most
    by_places = RATE * (model_s + own_s) / (OUTSTANDING * HEADROOM)
    pods = math.ceil(max(by_cpu, by_places))
    memory = pods * (load.app_mb + load.sidecar_mb) / HEADROOM
    node = published.NODE.value
    cost = store(counted, pods, RATE * (model_s + own_s) / pods)
    through = transferred(counted) * RATE / 1e6
    return Cluster(
        model_s=model_s,
        pods_by_cpu=by_cpu,
        pods_by_places=by_places,
        pods=pods,
        cores=cores,
        memory_mb=memory,
        nodes=math.ceil(max(cores / node.cores, memory / node.memory_mb)),
        store=cost,
        ru_per_second=math.ceil(RATE * cost.ru / 100) * 100,
        storage_gb=RATE * DAY * cost.byte_days / 1e9,
        mb_per_second=through,
        units=units(through),
    )


def store(counted: Counted, pods: int, runs: float, timing: Timing | None = None) -> Store:
    """`runs` are at work in each of the `pods` at a time."""
    timing = timing or Timing()
    kept = {"claim": timing.retention, "execution": timing.outcome_ttl, "published": timing.outcome_ttl}
    sizes = {kind: document(kind, size, kept[kind]) for kind, size in counted.documents.items()}
    create = sum(ru(size, published.RU_WRITE.value) for size in sizes.values())
    return Store(
        create_ru=create,
        pulse_ru=pods / timing.beat * pulse(runs) / RATE,
        expiry_ru=create,
        index_ru=len(sizes) * DEFAULT_TERMS * published.RU_TERM.value,
        stored_bytes=sum(sizes.values()),
        byte_days=sum(size * kept[kind] / DAY for kind, size in sizes.items()),
    )


def pulse(runs: float) -> float:
    """RU of one beat: a document that names each run is put in the place of the one before."""
    beat = Beat(nonces=("0" * NONCE,) * math.ceil(runs))
    return 2 * ru(document("pulse", len(encode(beat)), DAY), published.RU_WRITE.value)


def document(kind: str, size: int, ttl: int, agent: str = "implementation") -> int:
    """Bytes in Cosmos DB of a document of ours: in Base64, since it goes as bytes, in daprd's envelope, with Cosmos DB's own."""
    key = f"{agent}||{kind}:{'0' * KEY}"
    value = "0" * (4 * math.ceil(size / 3))
    return len(
        dump({"id": key, "value": value, "isBinary": True, "partitionKey": key, "ttl": ttl, **_SYSTEM})
    )


def ru(size: int, table: Mapping[int, float]) -> float:
    """Between two sizes of the table by a straight line; below the first the first, nothing is cheaper."""
    kilobytes, sizes = size / 1024, sorted(table)
    if kilobytes <= sizes[0]:
        return table[sizes[0]]
    for low, high in pairwise(sizes):
        if kilobytes <= high:
            return table[low] + (table[high] - table[low]) * (kilobytes - low) / (high - low)
    raise ValueError(f"{size} bytes are more than any document has")


def transferred(counted: Counted) -> int:
    """Bytes that the broker moves for an event: in and to us, out and to its subscribers. Each message in whole KB, so that
    what the protocol adds is in it.
    """
    return 2 * _whole(counted.event_in) + (1 + SUBSCRIBERS) * _whole(counted.event_out)


def _whole(size: int) -> int:
    return math.ceil(size / 1024) * 1024


def units(mb_per_second: float) -> int:
    wanted = mb_per_second / (published.MU_MB_S.value * published.MU_BUSY.value)
    return next(size for size in published.MU_SIZES.value if size >= wanted)
