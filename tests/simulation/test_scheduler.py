"""What the proof stands on: simulated time, freezing and dying."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from tests.simulation.scheduler import ProcessLoop, Scheduler


def scheduler(seed: int = 0, *, orderly: bool = True) -> Scheduler:
    return Scheduler(Random(seed), orderly=orderly)


def start(loop: ProcessLoop, work: Coroutine[Any, Any, object]) -> None:
    loop.call_soon(lambda: loop.create_task(work))


def run(world: Scheduler) -> None:
    world.run(
        lambda: not world._timers and not any(loop.ready for loop in world.loops), until=1e6, steps=10_000
    )
    world.bury()


def test_an_hour_passes_at_once_and_shows_on_the_clock() -> None:
    world = scheduler()
    loop = ProcessLoop(world, None, skew=500.0)
    seen: list[float] = []

    async def wait() -> None:
        await asyncio.sleep(3600)
        seen.append(asyncio.get_running_loop().time())

    start(loop, wait())
    run(world)
    assert world.now == 3600.0
    assert seen == [4100.0]


def test_timeouts_and_groups_work_as_ever() -> None:
    world = scheduler()
    loop = ProcessLoop(world, None)
    seen: list[str] = []

    async def slow(name: str) -> str:
        await asyncio.sleep(2)
        return name

    async def work() -> None:
        seen.extend(await asyncio.gather(slow("one"), slow("two")))
        try:
            async with asyncio.timeout(1):
                await slow("three")
        except TimeoutError:
            seen.append("too slow")

    start(loop, work())
    run(world)
    assert seen == ["one", "two", "too slow"]
    assert world.now == 3.0


def test_a_dead_process_does_nothing_more_not_even_finally() -> None:
    world = scheduler()
    loop = ProcessLoop(world, None)
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            seen.append("alive" if not loop.dead else "cleared away")

    start(loop, work())
    world.later(5, loop.die)
    world.run(lambda: not world._timers, until=100, steps=1000)
    assert seen == []
    world.bury()
    assert seen == ["cleared away"]


def test_a_frozen_process_goes_on_where_it_was() -> None:
    world = scheduler()
    frozen, other = ProcessLoop(world, None), ProcessLoop(world, None)
    seen: list[tuple[str, float]] = []

    async def work(name: str) -> None:
        await asyncio.sleep(1)
        seen.append((name, world.now))

    start(frozen, work("frozen"))
    start(other, work("other"))

    def freeze() -> None:
        frozen.frozen_until = 7.0

    world.later(0.5, freeze)
    run(world)
    assert seen == [("other", 1.0), ("frozen", 7.0)]


def test_between_processes_any_order_comes_and_within_one_only_when_asked_for() -> None:
    def order(seed: int, *, processes: int, orderly: bool) -> str:
        world = scheduler(seed, orderly=orderly)
        loops = [ProcessLoop(world, None) for _ in range(processes)]
        seen: list[str] = []
        for number in range(3):
            loops[number % processes].call_soon(seen.append, str(number))
        run(world)
        return "".join(seen)

    assert {order(seed, processes=3, orderly=True) for seed in range(50)} == {
        "012",
        "021",
        "102",
        "120",
        "201",
        "210",
    }
    assert {order(seed, processes=1, orderly=True) for seed in range(50)} == {"012"}
    assert len({order(seed, processes=1, orderly=False) for seed in range(50)}) > 1
