"""Good work and poison, mixed by a seed with outages of the model, on the real runtime in virtual time."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect

import pytest

from agents.implementation import AGENT
from agents.runtime.timing import Timing
from domain.chat import ChatRequest
from domain.errors import AgentError, ModelMisconfigured, ModelUnavailable
from domain.execution import Execution, execution_id
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.memory.model import Scripted, ScriptedModel, answer_by_schema
from infrastructure.testing.platform import MemoryPlatform
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.runtime.test_model_down import generated

GOOD, BAD = 300, 6
LASTS = 900.0
"""Seconds over which events come."""
OUTAGES: list[AgentError] = [
    ModelUnavailable("refuses connections"),
    ModelUnavailable("fails with status 503", status=503, retry_after=20.0),
    ModelMisconfigured("does not let us in (401)", status=401),
]
POISON: list[AgentError] = [
    ModelUnavailable("fails with status 500. It said: oops", status=500),
    ModelUnavailable("fails with status 503. It said: busy", status=503, retry_after=5.0),
    ModelMisconfigured("refuses our request (400). It said: bad image", status=400),
]


def execution_of(number: int) -> str:
    return execution_id("implementation", "generate-code", "/tests", str(number))


class World:
    """A model that is away from time to time, and has something against some."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.outages: list[tuple[float, float, AgentError]] = []
        at = rng.uniform(0, 120)
        while at < LASTS:
            until = at + rng.choice([0.5, 5, 60, 200]) * rng.uniform(0.5, 1.5)
            self.outages.append((at, until, rng.choice(OUTAGES)))
            at = until + rng.uniform(10, 120)
        self.ends = self.outages[-1][1]
        numbers = list(range(GOOD + BAD))
        self.poison = {number: rng.choice(POISON) for number in rng.sample(numbers, BAD)}
        self.comes = sorted((rng.uniform(0, LASTS), number) for number in numbers)
        self._against = {execution_of(number): error for number, error in self.poison.items()}

    def answer(self, request: ChatRequest) -> Scripted:
        now = asyncio.get_running_loop().time()
        current = bisect(self.outages, now, key=lambda outage: outage[0]) - 1
        if current >= 0 and now < self.outages[current][1]:
            return self.outages[current][2]
        assert request.origin is not None
        return self._against.get(request.origin.execution_id) or answer_by_schema(request)


@pytest.mark.parametrize("seed", range(5))
@in_virtual_time
async def test_all_good_work_is_done_outages_burn_no_attempt_and_every_poison_ends(seed: int) -> None:
    world = World(seed)
    model = ScriptedModel(world.answer, delay=0.3)
    found: dict[int, Execution] = {}
    async with MemoryPlatform([AGENT], model=CircuitBreaker(model), timing=Timing()) as platform:
        for at, number in world.comes:
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            platform.publish(generated(number))
        extra, runner = 1_000, platform.services["implementation"].runner
        await asyncio.sleep(1)
        # A poison is known by what is answered around it: work goes on to come.
        while runner.running or asyncio.get_running_loop().time() < world.ends:
            platform.publish(generated(extra := extra + 1))
            await asyncio.sleep(3)
            assert extra < 1_200, f"{runner.running} still run"
        for number in range(GOOD + BAD):
            known = await runner.find(execution_of(number))
            assert known is not None
            assert known.outcome is not None
            found[number] = known.outcome
        letters = [event for event in platform.events if event.type.endswith(".dead-letter")]
        made = [event for event in platform.events if event.type == "agents.implementation.code.generated"]
    good = [one for number, one in found.items() if number not in world.poison]
    assert [(one.status, one.attempts) for one in good] == [("completed", 1)] * GOOD
    assert len({event.causationid for event in made}) == len(made) == GOOD + extra - 1_000
    said = {error.message for error in OUTAGES}  # where an outage begins with the last of its failures
    for number, error in world.poison.items():
        outcome = found[number]
        assert (outcome.status, outcome.attempts) == ("failed", 3)
        assert outcome.error is not None
        assert outcome.error.code == "model_fails_for_input"
        told, _, original = outcome.error.message.partition(" times by now): ")
        assert (
            told
            == f"the model fails for this input while it answers others ({outcome.error.details['failures']}"
        )
        assert original in {error.message, *said}
    assert len(letters) == BAD


@in_virtual_time
async def test_poison_holds_good_work_up_for_seconds_at_most_and_ends_within_two_minutes() -> None:
    world = World(0)
    world.outages = []
    assert set(world.poison.values()) == set(POISON)
    model = ScriptedModel(world.answer, delay=0.3)
    slowest = 0.0
    async with MemoryPlatform([AGENT], model=CircuitBreaker(model), timing=Timing()) as platform:
        runner = platform.services["implementation"].runner
        for number in world.poison:
            platform.publish(generated(number))
        for number in range(1_000, 1_060):
            platform.publish(generated(number))
            began = asyncio.get_running_loop().time()
            while not ((known := await runner.find(execution_of(number))) and known.outcome):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(max(0.0, 2 - (asyncio.get_running_loop().time() - began)))
        assert runner.running == 0
    assert slowest < 10  # 5 of them are the server's own Retry-After
