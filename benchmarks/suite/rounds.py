"""Rounds: every contender in turn between two control runs; a round during which the machine changed is run again."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.contenders import Contender
from benchmarks.suite.entrants import Entrants
from benchmarks.suite.measure import Plan, steady, take
from benchmarks.suite.outside import Outside
from benchmarks.suite.processes import Process, answers
from benchmarks.suite.programs import Programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Control, Round
from benchmarks.suite.tables import told
from benchmarks.suite.world import Redelivery, world
from cli.local.ports import free_ports

DRIFT = 0.15
REPEATS = 1
"""Rounds that may be run again in one run: the clock has an end."""
LONGEST_S = 25 * 60.0
"""By the plan; a round is not run again where that would take longer."""
CONTROL_EVENTS = 4000
CONTROL_RUNS = 3
CONTROL_S = 5.0


def expected_s(contenders: Sequence[Contender], plan: Plan, rounds: int) -> list[float]:
    """Of each step, in the order in which they come."""
    return [CONTROL_S] + [
        seconds
        for number in range(rounds)
        for seconds in [*(plan.expected_s(one) for one in shuffled(contenders, number)), CONTROL_S]
    ]


async def run_rounds(
    programs: Programs,
    entrants: Entrants,
    plan: Plan,
    rounds: int,
    steps: Steps,
    *,
    keep: Callable[[list[Round]], None],
) -> list[Round]:
    """As many kept rounds as wanted, and the ones that were run again; `keep` gets what there is after each."""
    done: list[Round] = []
    repeats = 0
    before = await control(programs, steps)
    while (number := len(done) - repeats) < rounds and entrants.standing:
        steps.pace.replan(expected_s(entrants.standing, plan, rounds - number)[1:])
        name = f"round {number + 1} of {rounds}"
        takes = []
        for one in shuffled(entrants.standing, number):
            found = await entrants.attempt(one, name, partial(take, programs, one, plan, steps.say))
            if found is not None:
                steps.done(told(found))
                takes.append(found)
        after = await control(programs, steps)
        drift = before.drift(after)
        again_s = sum(plan.expected_s(one) for one in entrants.standing) + CONTROL_S
        again = drift > DRIFT and repeats < REPEATS and steps.pace.total + again_s <= LONGEST_S
        repeats += again
        if takes:
            done.append(Round(before=before, after=after, drift=round(drift, 3), kept=not again, takes=takes))
        if drift > DRIFT:
            what = (
                "it is run again"
                if again
                else "it is kept, since one was run again already, or time is short"
            )
            steps.note(f"{name}: the control run changed by {drift:.0%}, the machine is not quiet: {what}")
        keep(done)
        before = after
    return done


def shuffled(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """An order for each round, the same in every run: nobody is always first, or always after the same."""
    return random.Random(number).sample(contenders, len(contenders))


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
    return steady(await outside.times(run))
