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

ADDED_UP = ("events", "events_per_second", "cores", "app_mb", "sidecar_mb", "in_flight_most")


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
    total = {name: sum(getattr(one, name) for one in loads) for name in Load.model_fields}
    mean = {name: value / len(loads) for name, value in total.items() if name not in ADDED_UP}
    return Load(**{name: round(value, 3) for name, value in {**total, **mean}.items()})
