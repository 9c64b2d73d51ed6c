"""SIGKILL in mid-run: what is lost, what has its effect twice, what is asked again, and how long the last result takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import product

from benchmarks.contenders import Contender
from benchmarks.suite.command import together
from benchmarks.suite.entrants import Entrants
from benchmarks.suite.field import Field, field
from benchmarks.suite.measure import PATIENCE, SLOW_MODEL
from benchmarks.suite.programs import Programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Kill
from benchmarks.suite.world import Redelivery
from cli.errors import CommandError

EVENTS, RATE = 200, 100.0
"""Of a contender of weight 1; the slow ones get fewer at a lower rate, which they carry: a backlog is not to be measured."""
LEAST_EVENTS = 40
WARM_UP = 20
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
    return [
        seconds
        for one in contenders
        for seconds in [
            *(single[redelivery] for redelivery in settings for _ in (APP, BOTH)),
            *([STORM_EVENTS / RATE + 20] if one.name in STORM else []),
        ]
    ]


async def run_faults(
    programs: Programs,
    entrants: Entrants,
    settings: Sequence[Redelivery],
    steps: Steps,
    keep: Callable[[list[Kill]], None],
) -> list[Kill]:
    """All kills of one contender after the other; `keep` gets what there is after each contender."""
    found: list[Kill] = []
    for number, contender in enumerate(waiting := list(entrants.standing)):
        steps.pace.replan(expected_s(waiting[number:], settings))
        for what, run in _of(programs, contender, settings):
            kill = await entrants.attempt(contender, what, run)
            if kill is None:
                break
            steps.done(_told(kill))
            found.append(kill)
        keep(found)
    return found


def _told(kill: Kill) -> str:
    return (
        f"{kill.lost} of {kill.events} lost, {kill.doubled} doubled, {kill.repeated} again under the same id, "
        f"{kill.calls_again} model calls again, last result after {kill.last_s:.1f} s"
    )


def _of(
    programs: Programs, contender: Contender, settings: Sequence[Redelivery]
) -> Iterator[tuple[str, Callable[[], Awaitable[Kill]]]]:
    for redelivery, killed in product(settings, (APP, BOTH)):
        run = partial(_kill, programs, contender, redelivery, killed)
        yield f"{killed} killed, redelivery {redelivery}", run
    if contender.name in STORM:
        yield f"{STORM_KILLS} kills of {REPLICAS} replicas", partial(_storm, programs, contender)


async def _kill(programs: Programs, contender: Contender, redelivery: Redelivery, killed: str) -> Kill:
    rate, events = RATE * contender.weight, max(LEAST_EVENTS, round(EVENTS * contender.weight))
    before = round(events * SEEN_BEFORE)
    async with field(programs, contender, redelivery) as ground:
        await ground.start_apps(WARM_UP)
        await ground.outside.model(SLOW_MODEL * 1000)
        async with together() as group:
            # Paced: a burst would go round in waves, and the kill would always meet the moment of publishing.
            group.create_task(ground.outside.pace("kill", events, rate))
            if (await ground.outside.seen("kill", before, PATIENCE)).seen < before:
                raise CommandError(
                    f"{contender.name}: {before} of {events} results did not come, so nothing was killed",
                    hint=ground.logs(),
                )
            at = await ground.pair.kill(sidecar=killed == BOTH)
        return await _count(
            ground, "kill", killed_at=at, redelivery=redelivery, killed=killed, kills=1, rate=rate
        )


async def _storm(programs: Programs, contender: Contender) -> Kill:
    rng = random.Random(SEED)
    gap = STORM_EVENTS / RATE / (STORM_KILLS + 1)
    async with field(programs, contender, Redelivery.SHIPPED, replicas=REPLICAS) as ground:
        await ground.start_apps(WARM_UP)
        await ground.outside.model(SLOW_MODEL * 1000)
        at = 0
        async with together() as group:
            group.create_task(ground.outside.pace("storm", STORM_EVENTS, RATE))
            for _ in range(STORM_KILLS):
                await asyncio.sleep(gap)
                at = await rng.choice(ground.pairs).kill()
        return await _count(
            ground,
            "storm",
            killed_at=at,
            redelivery=Redelivery.SHIPPED,
            killed=APP,
            kills=STORM_KILLS,
            rate=RATE,
        )


async def _count(
    ground: Field, run: str, *, killed_at: int, redelivery: Redelivery, killed: str, kills: int, rate: float
) -> Kill:
    events = (await ground.outside.seen(run, 0, 0)).sent
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
        rate=rate,
        events=events,
        lost=events - summary.seen,
        doubled=summary.doubled,
        repeated=summary.repeated,
        calls_again=summary.calls_again,
        last_s=round((max(times.seen) - max(killed_at, *times.sent)) / 1e9, 2),
    )
