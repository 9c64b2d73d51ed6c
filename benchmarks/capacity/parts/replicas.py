"""How far one machine goes with more replicas, each with its own sidecar."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.capacity.load import loop, start
from benchmarks.capacity.parts.latency import seconds
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Load, Replicas
from benchmarks.contenders import CONTENDERS
from benchmarks.suite.field import field
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.outside import TEMPLATE
from benchmarks.suite.programs import Programs
from benchmarks.suite.world import Redelivery

NUMBERS = (1, 2, 3)
OFFERED_EACH = 2 * OUTSTANDING
"""A sidecar works on 64 and holds as many more ready: with fewer, one would have work that another lacks."""


def expected_s(plan: Plan) -> list[float]:
    return [
        7 + number + sum(2 + seconds(model_ms, plan) for model_ms in plan.replica_model_ms)
        for _ in range(plan.replica_rounds)
        for number in NUMBERS
    ]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> list[Replicas]:
    found = []
    for turn in range(plan.replica_rounds):
        alone: dict[int, Load] = {}
        for number in NUMBERS:
            for model_ms, load in (await _loads(programs, plan, number, say)).items():
                first = alone.setdefault(model_ms, load)
                ratio = round(load.events_per_second / first.events_per_second, 3)
                found.append(
                    Replicas(round=turn + 1, replicas=number, model_ms=model_ms, load=load, ratio=ratio)
                )
    return found


async def _loads(programs: Programs, plan: Plan, number: int, say: Callable[[str], None]) -> dict[int, Load]:
    async with field(programs, CONTENDERS["ours"], Redelivery.SHIPPED, replicas=number) as ground:
        await start({TEMPLATE: ground})
        loads = {}
        for model_ms in plan.replica_model_ms:
            say(f"{number} replicas, model of {model_ms} ms")
            loads[model_ms] = await loop(
                ground,
                f"at{model_ms}",
                OFFERED_EACH * number,
                seconds=seconds(model_ms, plan),
                model_ms=model_ms,
            )
    return loads
