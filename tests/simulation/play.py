"""A seed, played to its end."""

from __future__ import annotations

import random

from tests.simulation.invariants import check, check_after_all
from tests.simulation.scenario import draw
from tests.simulation.world import World


def play(seed: int) -> World:
    """What was wrong is in `world.ledger.violations`."""
    state = random.getstate()
    random.seed(seed)  # the runtime's own jitter
    world = World(draw(seed))
    try:
        _play(world)
    finally:
        world.scheduler.bury()
        random.setstate(state)
    return world


def _play(world: World) -> None:
    ledger = world.ledger
    if not world.settle():
        ledger.violated(f"not quiet after {world.scheduler.now:.0f} s: {world.unfinished()}")
        return
    check(world)
    if world.scenario.late or world.scenario.seed % 4 == 0:
        starts, records = dict(ledger.starts), len(ledger.records)
        if world.again():
            check_after_all(world, starts, records)
        else:
            ledger.violated(f"not quiet after all came again: {world.unfinished()}")
