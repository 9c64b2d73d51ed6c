"""Rounds: every contender in turn between two control runs; a round during which the machine changed is run again."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial

from benchmarks.contenders import Contender
from benchmarks.suite.measure import Plan, overall, take
from benchmarks.suite.outside import Outside
from benchmarks.suite.processes import Process, answers, free_ports
from benchmarks.suite.programs import Programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Control, Round, Take
from benchmarks.suite.world import Redelivery, world

DRIFT = 0.15
REPEATS = 1
"""Rounds that may be run again in one run: the clock has an end."""
CONTROL_EVENTS = 4000
CONTROL_RUNS = 3
CONTROL_S = 5.0


def expected_s(contenders: Sequence[Contender], plan: Plan, rounds: int) -> list[float]:
    """Of each step, in the order in which they come."""
    return [CONTROL_S] + [
        seconds
        for number in range(rounds)
        for seconds in [*(plan.expected_s(one) for one in rotated(contenders, number)), CONTROL_S]
    ]


async def run_rounds(
    programs: Programs, contenders: Sequence[Contender], plan: Plan, rounds: int, steps: Steps
) -> list[Round]:
    """As many kept rounds as wanted, and the ones that were run again."""
    done: list[Round] = []
    repeats = 0
    before = await control(programs, steps)
    while len(done) - repeats < rounds:
        number = len(done) - repeats
        order = rotated(contenders, number)
        name = f"round {number + 1} of {rounds}"
        takes = [await _take(programs, one, plan, steps, name) for one in order]
        after = await control(programs, steps)
        drift = before.drift(after)
        again = drift > DRIFT and repeats < REPEATS
        done.append(Round(before=before, after=after, drift=round(drift, 3), kept=not again, takes=takes))
        if drift > DRIFT:
            what = "it is run again" if again else "it is kept, since one round was run again already"
            steps.note(f"{name}: the control run changed by {drift:.0%}, the machine is not quiet: {what}")
        if again:
            repeats += 1
            steps.pace.again([*(plan.expected_s(one) for one in order), CONTROL_S])
        before = after
    return done


def rotated(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Each round begins with another, so that nobody is always first or always after the same."""
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]


async def _take(programs: Programs, one: Contender, plan: Plan, steps: Steps, name: str) -> Take:
    steps.start(f"{name}, {one.name}")
    result = await steps.twice(partial(take, programs, one, plan, steps.say))
    steps.done(
        f"{result.events_per_second:.0f} events/s, p50 {result.p50_ms:.1f} ms, "
        f"{result.app_cpu_ms:.2f} ms of CPU, {result.rss_mb:.0f} MB, "
        f"{result.ideal_fraction:.0%} of the ideal with a slow model"
    )
    return result


async def control(programs: Programs, steps: Steps) -> Control:
    """Events through Redis and daprd to an app that does nothing, and a fixed piece of arithmetic: medians of three."""
    steps.start("control")
    result = await _controlled(programs)
    steps.done(f"{result.events_per_second:.0f} deliveries/s, {result.spin_s:.2f} s of arithmetic")
    return result


async def _controlled(programs: Programs) -> Control:
    async with world(programs, Redelivery.DEFAULT, publish="benchmarks.control", watch="") as around:
        http, grpc = free_ports(2)
        sidecar = await around.sidecar("daprd-control", (http, grpc), around.outside.port)
        try:
            await sidecar.ready(partial(answers, f"http://127.0.0.1:{http}/v1.0/healthz", 204))
            await _deliveries(around.outside, sidecar, "warm")
            runs = [f"control{number}" for number in range(CONTROL_RUNS)]
            rates = [await _deliveries(around.outside, sidecar, run) for run in runs]
            spins = [await around.outside.spin_s() for _ in runs]
        finally:
            await sidecar.kill()
    return Control(events_per_second=statistics.median(rates), spin_s=statistics.median(spins))


async def _deliveries(outside: Outside, sidecar: Process, run: str) -> float:
    await outside.burst(run, CONTROL_EVENTS)
    if (await outside.seen(run, CONTROL_EVENTS, patience_s=20)).seen < CONTROL_EVENTS:
        raise sidecar.failure("did not deliver the events of the control run")
    return overall(await outside.times(run))
