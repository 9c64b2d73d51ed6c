"""What a test of a handler costs with the kit: `python -m benchmarks.handler_test`.

Each test is whole: a loop, a platform, an event, its handler with its prompt and the model of the kit, a claim, the end.
"""

from __future__ import annotations

import asyncio
from statistics import median, quantiles
from time import perf_counter

from agents.implementation import AGENT
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from infrastructure.testing import platform, smallest

TESTS = 200
SPEC = smallest(SpecGenerated)


async def one() -> None:
    async with platform(AGENT) as p:
        out = await p.publish(SPEC)
    out.one(CodeGenerated)


def main() -> None:
    took = []
    for _ in range(TESTS):
        began = perf_counter()
        asyncio.run(one())
        took.append(1000 * (perf_counter() - began))
    print(
        f"{TESTS} tests of a handler: median {median(took):.1f} ms, 95 % within {quantiles(took, n=20)[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
