"""What more agents on one machine cost, idle and loaded. Each has events of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.capacity.load import idle_cores, loops, start
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Load, Side
from benchmarks.capacity.room.vocabulary import offered, written
from benchmarks.capacity.site import Seat, site
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.programs import Programs


def seat(number: int) -> Seat:
    name = f"side{number}"
    return Seat(f"many:SIDE{number}", name, offered(name).event_type, written(name).event_type)


def expected_s(plan: Plan) -> list[float]:
    return [8 + 2 * number + plan.idle_s + plan.events * number / 700 for number in plan.agents]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> list[Side]:
    found = []
    for number in plan.agents:
        say(f"{number} agents")
        seats = [seat(one + 1) for one in range(number)]
        async with site(programs, seats) as fields:
            grounds = {one.template(): ground for one, ground in zip(seats, fields, strict=True)}
            await start(grounds)
            idle = await idle_cores(fields, plan.idle_s)
            memory = [ground.rss_mb() for ground in fields]
            loads = await loops(grounds, "load", OUTSTANDING, events=plan.events)
        found.append(
            Side(
                agents=number,
                idle_app_mb=round(sum(one["app"] for one in memory), 1),
                idle_sidecar_mb=round(sum(one["sidecar"] for one in memory), 1),
                idle_cores=idle,
                load=together(loads),
            )
        )
    return found


def together(loads: Sequence[Load]) -> Load:
    """All agents as one: what adds up is added, what is per event is the mean."""

    def mean(values: Sequence[float]) -> float:
        return round(sum(values) / len(values), 3)

    return Load(
        events=sum(one.events for one in loads),
        events_per_second=round(sum(one.events_per_second for one in loads), 1),
        app_cpu_ms=mean([one.app_cpu_ms for one in loads]),
        sidecar_cpu_ms=mean([one.sidecar_cpu_ms for one in loads]),
        redis_cpu_ms=mean([one.redis_cpu_ms for one in loads]),
        cores=round(sum(one.cores for one in loads), 2),
        app_mb=round(sum(one.app_mb for one in loads), 1),
        sidecar_mb=round(sum(one.sidecar_mb for one in loads), 1),
        in_flight_most=sum(one.in_flight_most for one in loads),
        reads=mean([one.reads for one in loads]),
        writes=mean([one.writes for one in loads]),
    )
