"""SIGKILL in mid-run: what is lost, what has its effect twice, what is asked again, and how long the last result takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from itertools import product

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite.field import Field, field
from benchmarks.suite.measure import PATIENCE, SLOW_MODEL
from benchmarks.suite.programs import Programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Kill
from benchmarks.suite.world import Redelivery
from cli.errors import CommandError

EVENTS, RATE = 200, 100.0
SEEN_BEFORE = 0.3
"""Of the events: then the kill comes."""
APP, BOTH = "app", "app and sidecar"
PATIENT = {Redelivery.SHIPPED: 30.0, Redelivery.DEFAULT: 100.0}
"""Seconds without any movement after which what is missing is lost: more than pending and looking for it take together."""
AFTERWARDS = {Redelivery.SHIPPED: 5.0, Redelivery.DEFAULT: 20.0}
"""Seconds in which a late result may still come a second time."""

REPLICAS, STORM_EVENTS, STORM_KILLS = 3, 3000, 18
STORM = ("ours", "bare")
"""Who stands the hard one: 18 kills of one of three replicas, at 100 events/s."""
SEED = 5


def expected_s(contenders: Sequence[Contender], settings: Sequence[Redelivery]) -> list[float]:
    single = {Redelivery.SHIPPED: 25.0, Redelivery.DEFAULT: 110.0}
    times = [single[redelivery] for _ in contenders for redelivery in settings for _ in (APP, BOTH)]
    return times + [STORM_EVENTS / RATE + 20 for _ in _stormy(contenders)]


async def run_faults(
    programs: Programs, contenders: Sequence[Contender], settings: Sequence[Redelivery], steps: Steps
) -> list[Kill]:
    found = []
    for contender, redelivery, killed in product(contenders, settings, (APP, BOTH)):
        steps.start(f"{contender.name}, {killed} killed, redelivery: {redelivery}")
        found.append(await steps.twice(partial(_kill, programs, contender, redelivery, killed)))
        steps.done(_told(found[-1]))
    for contender in _stormy(contenders):
        steps.start(f"{contender.name}, {REPLICAS} replicas, {STORM_KILLS} kills")
        found.append(await steps.twice(partial(_storm, programs, contender)))
        steps.done(_told(found[-1]))
    return found


def _told(kill: Kill) -> str:
    return (
        f"{kill.lost} of {kill.events} lost, {kill.doubled} doubled, {kill.repeated} again under the same id, "
        f"{kill.calls_again} model calls again, last result after {kill.last_s:.1f} s"
    )


def _stormy(contenders: Sequence[Contender]) -> list[Contender]:
    return [CONTENDERS[name] for name in STORM if CONTENDERS[name] in contenders]


async def _kill(programs: Programs, contender: Contender, redelivery: Redelivery, killed: str) -> Kill:
    async with field(programs, contender, redelivery) as ground:
        await _warm(ground)
        await ground.outside.model(SLOW_MODEL * 1000)
        # Paced: a burst would go round in waves, and the kill would always meet the moment of publishing.
        load = asyncio.create_task(ground.outside.pace("kill", EVENTS, RATE))
        await ground.outside.seen("kill", round(EVENTS * SEEN_BEFORE), PATIENCE)
        at = await ground.pair.kill(sidecar=killed == BOTH)
        await load
        return await _count(
            ground, "kill", EVENTS, killed_at=at, redelivery=redelivery, killed=killed, kills=1
        )


async def _storm(programs: Programs, contender: Contender) -> Kill:
    rng = random.Random(SEED)
    gap = STORM_EVENTS / RATE / (STORM_KILLS + 1)
    async with field(programs, contender, Redelivery.SHIPPED, replicas=REPLICAS) as ground:
        await _warm(ground)
        await ground.outside.model(SLOW_MODEL * 1000)
        load = asyncio.create_task(ground.outside.pace("storm", STORM_EVENTS, RATE))
        at = 0
        for _ in range(STORM_KILLS):
            await asyncio.sleep(gap)
            at = await rng.choice(ground.pairs).kill()
        await load
        return await _count(
            ground,
            "storm",
            STORM_EVENTS,
            killed_at=at,
            redelivery=Redelivery.SHIPPED,
            killed=APP,
            kills=STORM_KILLS,
        )


async def _warm(ground: Field) -> None:
    for pair in ground.pairs:
        pair.start_app()
    events = 20
    await ground.outside.burst("warm", events)
    if (await ground.outside.seen("warm", events, 75)).seen < events:
        raise CommandError(f"{ground.contender.name} gives no results", hint=ground.logs())


async def _count(
    ground: Field, run: str, events: int, *, killed_at: int, redelivery: Redelivery, killed: str, kills: int
) -> Kill:
    await ground.outside.seen(run, events, PATIENT[redelivery])
    await asyncio.sleep(AFTERWARDS[redelivery])
    summary = await ground.outside.seen(run, events, 0)
    times = await ground.outside.times(run)
    return Kill(
        contender=ground.contender.name,
        killed=killed,
        redelivery=redelivery,
        replicas=len(ground.pairs),
        kills=kills,
        events=events,
        lost=events - summary.seen,
        doubled=summary.doubled,
        repeated=summary.repeated,
        calls_again=summary.calls_again,
        last_s=round((max(times.seen) - max(killed_at, *times.sent)) / 1e9, 2),
    )
