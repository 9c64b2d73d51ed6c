"""How much is measured: all of it in about 13 minutes, or a glance in about 5."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """`seconds` is how long a closed loop goes on, `events` how many a run without a clock has."""

    seconds: float = 6.0
    events: int = 2_000
    quiet_events: int = 40
    kilobytes: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    payload_bytes: int = 128 * 2**20
    """Of one payload run: Redis holds each event about twice."""
    model_ms: tuple[int, ...] = (0, 20, 200, 1000, 5000)
    replica_model_ms: tuple[int, ...] = (200, 500, 1000)
    replica_rounds: int = 2
    hops: tuple[int, ...] = (1, 2, 4, 8)
    agents: tuple[int, ...] = (1, 3, 5)
    turns: int = 10
    idle_s: float = 5.0
    publish_events: int = 20_000


FULL = Plan()
QUICK = Plan(
    seconds=3.0,
    events=600,
    quiet_events=15,
    kilobytes=(1, 64, 1024),
    payload_bytes=64 * 2**20,
    model_ms=(0, 200),
    replica_model_ms=(200,),
    replica_rounds=1,
    hops=(1, 4),
    agents=(1, 3),
    turns=3,
    idle_s=2.0,
    publish_events=5_000,
)
