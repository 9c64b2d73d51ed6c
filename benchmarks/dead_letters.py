"""What the index of dead letters costs when it is long: adding, listing the newest, filtering for what is not there.

    python -m benchmarks.dead_letters [--letters 100000]

On a Redis and a sidecar of its own; needs the programs of `agents provision`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console

from agents.implementation import AGENT
from agents.runtime.dead_letters import DeadLetters
from cli.local.provision.run import Wanted, provision
from domain.execution import DeadLetter
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from tests.support.processes import daprd, redis_server

AT_ONCE = 64
"""Added side by side, as many as a sidecar delivers."""
DAY = 86_400


def letter(number: int) -> DeadLetter:
    return DeadLetter(
        id=f"letter-{number}",
        agent=AGENT.name,
        task="generate-code",
        cause="internal",
        message="the handler failed with KeyError; see the log",
        event_id=str(number),
        source="/benchmarks",
        size=1_000,
        attempts=3,
        first_seen="2026-01-01T00:00:00+00:00",
        last_seen="2026-01-01T00:00:01+00:00",
    )


async def listed_ms(index: DeadLetters) -> float:
    """Median of twenty listings of the newest fifty."""
    took = []
    for _ in range(20):
        begin = time.perf_counter()
        await index.page(None, 50, lambda _: True)
        took.append((time.perf_counter() - begin) * 1000)
    return statistics.median(took)


async def measure(index: DeadLetters, letters: int) -> None:
    begin = time.perf_counter()
    for first in range(0, letters, AT_ONCE):
        await asyncio.gather(*(index.add(letter(n)) for n in range(first, min(first + AT_ONCE, letters))))
        if first <= 1_000 < first + AT_ONCE:
            print(f"the newest fifty of about 1,000: {await listed_ms(index):.1f} ms")
    print(f"{letters:,} letters added in {time.perf_counter() - begin:.0f} s")
    print(f"the newest fifty of them: {await listed_ms(index):.1f} ms")
    begin, requests, cursor = time.perf_counter(), 0, None
    while requests == 0 or cursor is not None:
        listing = await index.page(cursor, 500, lambda one: one.cause == "none")
        requests, cursor = requests + 1, listing.next
    print(
        f"a filter that finds nothing: {time.perf_counter() - begin:.1f} s over all of them, in {requests} requests"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dead_letters", description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000)
    given = parser.parse_args()
    programs = await provision(Wanted(), os.environ, Console(stderr=True))
    assert programs.redis_server is not None  # noqa: S101  # wanted
    assert programs.daprd is not None  # noqa: S101
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(programs.redis_server, Path(folder)) as redis,
        daprd(programs.daprd, Path(folder), redis.port) as running,
    ):
        sidecar = Sidecar(running.address)
        await measure(DeadLetters(DaprStateStore(sidecar, "agents-statestore"), AGENT, DAY), given.letters)
        await sidecar.close()


if __name__ == "__main__":
    asyncio.run(main())
