"""This version beside another one: do they share their work while both are killed?

    python -m benchmarks.versions REF

One replica of each on one Redis, the model answering at once, events at a steady rate, a few of which every version has to
refuse; SIGKILL to one and the other in turn. How fast each is: `python -m benchmarks.compare REF`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import AsyncExitStack
from functools import partial

from rich.console import Console

from benchmarks.compare.sides import OURS, Side, commit_of, version
from benchmarks.suite.command import run
from benchmarks.suite.field import Field, Pair
from benchmarks.suite.outside import TEMPLATE
from benchmarks.suite.programs import Programs, programs
from benchmarks.suite.world import Redelivery, world
from cli.local.redis import Redis
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated

GOOD, BAD = 588, 12
SECONDS = 14.0
KILLS, KILL_EVERY = 6, 2.0
PATIENCE = 20.0
"""Seconds without any result after which an event counts as lost."""
DEAD_LETTERS = "agents.implementation.dead-letter"
REFUSED = json.dumps({**json.loads(TEMPLATE), "data": {"broken": "whatever the version"}})


async def mixed(found: Programs, sides: list[Side]) -> None:
    """Print what was lost and what was published twice."""
    publish, watch = SpecGenerated.event_type, CodeGenerated.event_type
    async with (
        world(found, Redelivery.SHIPPED, publish=publish, watch=watch) as around,
        AsyncExitStack() as stack,
    ):
        pairs = []
        for number, side in enumerate(sides, start=1):
            pair = Pair(around, side.contender, number)
            stack.push_async_callback(pair.kill_sidecar)
            stack.push_async_callback(pair.kill_app)
            await pair.start_sidecar()
            pairs.append(pair)
        ground = Field(OURS, around, pairs)
        await ground.start_apps(25)
        await asyncio.gather(
            ground.outside.pace("good", GOOD, GOOD / SECONDS),
            ground.outside.pace("bad", BAD, BAD / SECONDS, template=REFUSED),
            _kills(pairs),
        )
        summary = await ground.outside.seen("good", GOOD, PATIENCE)
        letters = await asyncio.to_thread(_dead_letters, around.redis_port)
    print(
        f"side by side: {GOOD + BAD} events, {KILLS} kills, {summary.sent - summary.seen} lost, {summary.doubled} doubled, "
        f"{letters} dead letters for {BAD} refused events"
    )


async def _kills(pairs: list[Pair]) -> None:
    for number in range(KILLS):
        await asyncio.sleep(KILL_EVERY)
        await pairs[number % len(pairs)].kill()


def _dead_letters(port: int) -> int:
    """Once all are there; one may wait for the broker to offer its event again."""
    deadline = time.monotonic() + PATIENCE
    with Redis("127.0.0.1", port) as redis:
        while (letters := int(str(redis.ask("XLEN", DEAD_LETTERS)))) < BAD and time.monotonic() < deadline:
            time.sleep(0.3)
    return letters


async def _run(ref: str, console: Console) -> None:
    commit_of(ref)
    found = await programs([OURS], console)
    async with version(ref, console) as other:
        await mixed(found, [Side("working tree"), other])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versions", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("ref", metavar="REF", help="the other version: a branch, a tag or a commit")
    run(partial(_run, parser.parse_args().ref), interrupted=", the checkout is removed")


if __name__ == "__main__":
    main()
