"""One take: everything that is measured of one contender, in one field, from its first start to its last event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.suite.field import Field, field
from benchmarks.suite.outside import Times
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import Take
from benchmarks.suite.world import Redelivery
from cli.errors import CommandError

SLOW_MODEL = 0.2
OUTSTANDING = 64
IDEAL = OUTSTANDING / SLOW_MODEL
"""Events/s. With 64 inside at most, each at least 0.2 s, nobody can do more (Little's law)."""
PATIENCE = 15.0
"""Seconds without any movement after which nobody waits any longer."""
VERY_SLOW = 0.1
"""A weight below which a contender is warmed up with fewer events than all others."""
AFTERWARDS = 0.7
"""Seconds in which the work behind the last event ends (acknowledgements, records), before CPU is read."""


@dataclass(frozen=True)
class Plan:
    """How much one take does. Events are those of a contender of weight 1."""

    events: int = 3000
    warm_up: int = 200
    rate: float = 10.0
    """Events/s that even the slowest carries, the same for all."""
    rate_events: int = 90
    slow_s: float = 6.0

    def events_of(self, contender: Contender) -> int:
        return max(40, round(self.events * contender.weight))

    def warm_up_of(self, contender: Contender) -> int:
        return (
            self.warm_up if contender.weight >= VERY_SLOW else max(20, round(self.warm_up * contender.weight))
        )

    def expected_s(self, contender: Contender) -> float:
        """Of one take, on two cores: for the clock that people see."""
        start, rest = (15, 14) if contender.workflow or contender.temporal else (5, 8)
        return start + rest * self.events / 3000 + self.rate_events / self.rate + self.slow_s


FULL = Plan()
QUICK = Plan(events=1000, warm_up=100, rate_events=50, slow_s=4.0)


async def take(programs: Programs, contender: Contender, plan: Plan, say: Callable[[str], None]) -> Take:
    # A slow peer that holds an event for longer than our 3 s would be given it twice: peers get Dapr's own times.
    redelivery = Redelivery.SHIPPED if contender.name == "ours" else Redelivery.DEFAULT
    say("starting")
    async with field(programs, contender, redelivery) as ground:
        cold_start = await _cold_start(ground)
        await asyncio.sleep(1)
        idle = ground.rss_mb()
        await ground.flow("warm", plan.warm_up_of(contender), PATIENCE)
        say(f"{plan.rate:.0f} events/s")
        latencies, missing_at_rate = await _latencies(ground, plan)
        say("saturation")
        missing, saturated = await _saturation(ground, plan.events_of(contender))
        say(f"{OUTSTANDING} offered, model of {SLOW_MODEL * 1000:.0f} ms")
        slow, in_flight = await _slow_model(ground, plan.slow_s)
        end = ground.rss_mb()
        return Take(
            contender=contender.name,
            cold_start_s=cold_start,
            rss_idle_mb=idle["app"],
            rss_mb=end["app"],
            sidecar_rss_mb=end["sidecar"],
            control_plane_rss_mb=end["control_plane"],
            latencies_ms=latencies,
            missing=missing_at_rate + missing,
            missing_at_rate=missing_at_rate,
            slow_events_per_second=slow,
            ideal_fraction=slow / IDEAL,
            in_flight_most=in_flight,
            **saturated,
        )


async def _cold_start(ground: Field) -> float | None:
    """Seconds from the app's start to its first result, the event waiting in the broker already.

    None where daprd 1.16 delivered that event before the app's stream was registered: it then waits for redelivery.
    """
    await ground.outside.burst("cold", 1)
    ground.pair.start_app()
    if (await ground.outside.seen("cold", 1, PATIENCE)).seen:
        return ((await ground.outside.times("cold")).seen[0] - ground.pair.running_app.spawned) / 1e9
    await ground.outside.burst("again", 1)
    if not (await ground.outside.seen("again", 1, PATIENCE)).seen:
        raise CommandError(f"{ground.contender.name} gives no result", hint=ground.logs())
    return None


async def _latencies(ground: Field, plan: Plan) -> tuple[list[float], int]:
    await ground.outside.pace("rate", plan.rate_events, plan.rate)
    missing = await ground.missing("rate", plan.rate_events, PATIENCE)
    times = await ground.outside.times("rate")
    pairs = zip(times.sent, times.seen, strict=True)
    return [round((seen - sent) / 1e6, 3) for sent, seen in pairs if seen], missing


async def _saturation(ground: Field, events: int) -> tuple[int, dict[str, Any]]:
    before = ground.cpu_ms()
    missing = await ground.flow("burst", events, PATIENCE)
    await asyncio.sleep(AFTERWARDS)
    spent = {role: now - before[role] for role, now in ground.cpu_ms().items()}
    times = await ground.outside.times("burst")
    summary = await ground.outside.seen("burst", events, 0)
    return missing, {
        "events": events,
        "events_per_second": steady(times),
        **{f"{role}_cpu_ms": None if missing else ms / events for role, ms in spent.items()},
        "model_calls_per_event": (summary.calls + summary.summaries) / events,
        "doubled": summary.doubled,
        "repeated": summary.repeated,
    }


async def _slow_model(ground: Field, seconds: float) -> tuple[float, int]:
    """Events/s after the first quarter, which fills the pipes; and the most calls that the model had at a time."""
    await ground.outside.model(SLOW_MODEL * 1000)
    most = round(IDEAL * seconds) + OUTSTANDING  # more cannot be done in this time
    await ground.outside.loop("slow", most, OUTSTANDING, spread_s=SLOW_MODEL, seconds=seconds)
    times = await ground.outside.times("slow")
    began = min(at for at in times.sent if at)
    window = began + seconds / 4 * 1e9, began + seconds * 1e9
    came = sum(window[0] <= at < window[1] for at in times.seen)
    return came / (seconds * 3 / 4), await ground.outside.in_flight_most()


def steady(times: Times) -> float:
    """Events/s between the first tenth and the last twentieth out: filling and draining weigh more on whoever gets fewer."""
    ordered = sorted(at for at in times.seen if at)
    first, last = len(ordered) // 10, len(ordered) - 1 - len(ordered) // 20
    return (last - first) / ((ordered[last] - ordered[first]) / 1e9)
