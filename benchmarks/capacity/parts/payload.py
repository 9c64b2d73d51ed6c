"""What the size of an event costs."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.capacity.load import loop, p50_ms, start
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Payload
from benchmarks.capacity.room.vocabulary import BulkHandled, BulkOffered
from benchmarks.capacity.site import Seat, site
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.programs import Programs

BULK = Seat("bulk:AGENT", "bulk", BulkOffered.event_type, BulkHandled.event_type)
LEAST, QUIET_RATE = 120, 10.0
SENTENCE = "A link is sent, it works once, and it is gone after an hour; who asks too often waits. "


def text(size: int) -> str:
    """Of so many bytes, like prose."""
    return (SENTENCE * (size // len(SENTENCE) + 1))[:size]


def events_of(kilobytes: int, plan: Plan) -> int:
    return max(LEAST, min(plan.events, plan.payload_bytes // (kilobytes * 1024)))


def expected_s(plan: Plan) -> list[float]:
    return [9 + plan.quiet_events / QUIET_RATE] * len(plan.kilobytes)


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> list[Payload]:
    """A fresh agent for each size, so that memory is of this size alone."""
    found = []
    for kilobytes in plan.kilobytes:
        say(f"{kilobytes} KB")
        template = BULK.template(content=text(kilobytes * 1024))
        async with site(programs, [BULK]) as (ground,):
            await start({template: ground}, events=20)
            quiet = await p50_ms(ground, "quiet", plan.quiet_events, QUIET_RATE, template)
            load = await loop(
                ground, "load", OUTSTANDING, events=events_of(kilobytes, plan), template=template
            )
        found.append(Payload(kilobytes=kilobytes, load=load, p50_ms=quiet))
    return found
