"""What a slower model leaves of the throughput: with 64 in flight nobody can do more than 64 / latency."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.capacity.load import loop, start
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Latency
from benchmarks.contenders import CONTENDERS
from benchmarks.suite.field import field
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.outside import TEMPLATE
from benchmarks.suite.programs import Programs
from benchmarks.suite.world import Redelivery


def ideal(model_ms: int, offered: int) -> float | None:
    """Events/s, by Little's law."""
    return offered / (model_ms / 1000) if model_ms else None


def seconds(model_ms: int, plan: Plan) -> float:
    """At least four answers one after another."""
    return max(plan.seconds, 4 * model_ms / 1000)


def expected_s(plan: Plan) -> list[float]:
    return [5 + sum(2 + seconds(model_ms, plan) for model_ms in plan.model_ms)]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> list[Latency]:
    found = []
    async with field(programs, CONTENDERS["ours"], Redelivery.SHIPPED) as ground:
        await start({TEMPLATE: ground})
        for model_ms in plan.model_ms:
            say(f"model of {model_ms} ms")
            load = await loop(
                ground, f"at{model_ms}", OUTSTANDING, seconds=seconds(model_ms, plan), model_ms=model_ms
            )
            found.append(
                Latency(model_ms=model_ms, offered=OUTSTANDING, ideal=ideal(model_ms, OUTSTANDING), load=load)
            )
    return found
