"""Publishes through a sidecar as fast as it goes, and prints what it measured: a program of its own, since gRPC and starting
programs in one process do not go together.

    python -m benchmarks.capacity.publishing GRPC_PORT CALLERS EVENTS
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

from benchmarks.suite.outside import TEMPLATE
from domain.event import Event
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.sidecar import Sidecar

TOPIC = "benchmarks.published"
EVENT = Event.from_json(TEMPLATE.encode())


async def rate(port: int, callers: int, events: int) -> float:
    """Events/s of our adapter, so many calls waiting at a time, to a topic that nobody reads."""
    sidecar = Sidecar(f"127.0.0.1:{port}")
    publisher = DaprPublisher(sidecar, "agents-pubsub")
    await publisher.publish(TOPIC, EVENT)
    numbers, began = iter(range(events)), time.monotonic()
    await asyncio.gather(*(_call(publisher, numbers, callers) for _ in range(callers)))
    lasted = time.monotonic() - began
    await sidecar.close()
    return events / lasted


async def _call(publisher: DaprPublisher, numbers: Iterator[int], callers: int) -> None:
    for number in numbers:
        await publisher.publish(TOPIC, EVENT.model_copy(update={"id": f"evt-p{callers}-{number}"}))


if __name__ == "__main__":
    print(asyncio.run(rate(*map(int, sys.argv[1:]))))
