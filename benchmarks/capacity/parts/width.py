"""Whether an agent with many tasks and prompts is slower where only one of them is used."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.capacity.load import idle_cores, loop, p50_ms, start
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Turn, Width
from benchmarks.capacity.room.many import PROMPTS, TASKS, prompt_names
from benchmarks.capacity.room.vocabulary import offered, written
from benchmarks.capacity.site import Seat, site
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.programs import Programs

QUIET_RATE = 20.0


def _seat(attribute: str, prompts: int) -> Seat:
    name = attribute.lower()
    names = tuple(prompt_names(prompts))
    return Seat(f"many:{attribute}", name, offered(name).event_type, written(name).event_type, names)


SEATS = (_seat("NARROW", 1), _seat("WIDE", PROMPTS))


def expected_s(plan: Plan) -> list[float]:
    return [12 + 2 * plan.idle_s + 2 * plan.turns * (2 + plan.events / 700 + plan.quiet_events / QUIET_RATE)]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> Width:
    """Both are up all the time, and the same load goes to one and the other in turn, each first every other time."""
    async with site(programs, SEATS) as fields:
        both = {seat.template(): ground for seat, ground in zip(SEATS, fields, strict=True)}
        await start(both)
        idle = [await idle_cores([ground], plan.idle_s) for ground in fields]
        turns = []
        for number in range(plan.turns):
            say(f"turn {number + 1} of {plan.turns}")
            order = list(both.items()) if number % 2 == 0 else list(both.items())[::-1]
            found = {}
            for template, ground in order:
                load = await loop(ground, f"load{number}", OUTSTANDING, events=plan.events, template=template)
                quiet = await p50_ms(ground, f"quiet{number}", plan.quiet_events, QUIET_RATE, template)
                found[ground.contender.title] = load, quiet
            (narrow, narrow_p50), (wide, wide_p50) = found["narrow"], found["wide"]
            turns.append(Turn(narrow=narrow, wide=wide, narrow_p50_ms=narrow_p50, wide_p50_ms=wide_p50))
    return Width(
        tasks=TASKS, prompts=PROMPTS, narrow_idle_cores=idle[0], wide_idle_cores=idle[1], turns=turns
    )
