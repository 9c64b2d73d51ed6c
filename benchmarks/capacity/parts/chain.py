"""What a hop costs when events follow from each other."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.capacity.load import loop, p50_ms, start
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Chain
from benchmarks.capacity.room.vocabulary import EndReached, HopReached
from benchmarks.capacity.site import Seat, site
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.programs import Programs

CHAIN = Seat("chain:AGENT", "chain", HopReached.event_type, EndReached.event_type)
QUIET_RATE = 8.0


def expected_s(plan: Plan) -> list[float]:
    return [6 + len(plan.hops) * (4 + plan.quiet_events / QUIET_RATE)]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> list[Chain]:
    found = []
    async with site(programs, [CHAIN]) as (ground,):
        await start({CHAIN.template(): ground})
        for hops in plan.hops:
            say(f"{hops} hops")
            template = CHAIN.template(hops_left=hops)
            quiet = await p50_ms(ground, f"quiet{hops}", plan.quiet_events, QUIET_RATE, template)
            events = max(OUTSTANDING * 3, plan.events // hops)
            load = await loop(ground, f"load{hops}", OUTSTANDING, events=events, template=template)
            found.append(Chain(hops=hops, load=load, p50_ms=quiet))
    return found
