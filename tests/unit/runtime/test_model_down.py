"""A model that is away: its circuit opens, the work waits, and no attempt is burnt."""

from __future__ import annotations

import asyncio

from agents.implementation import AGENT
from domain.errors import ModelUnavailable
from domain.event import Event
from domain.execution import execution_id
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.memory.model import ScriptedModel
from infrastructure.testing.platform import MemoryPlatform
from infrastructure.testing.virtual_time import in_virtual_time

CASE = {
    "id": "TC-1",
    "title": "t",
    "given": "g",
    "when": "w",
    "then": "t",
    "priority": "high",
    "kind": "unit",
}


def generated(number: int) -> Event:
    spec = {
        "spec_id": f"S-{number}",
        "feature_title": "Reset",
        "summary": "Links work once.",
        "cases": [CASE],
    }
    return Event(id=str(number), source="/tests", type="agents.testplanning.spec.generated", data=spec)


@in_virtual_time
async def test_an_open_circuit_holds_the_work_loses_none_and_burns_no_attempt() -> None:
    model = ScriptedModel()
    model.down = ModelUnavailable("gone")
    async with MemoryPlatform([AGENT], model=CircuitBreaker(model)) as platform:
        for number in range(20):
            platform.publish(generated(number))
        await asyncio.sleep(20)
        asked = len(model.requests)
        assert platform.events == [generated(number) for number in range(20)]
        model.down = None
        await asyncio.sleep(20)
        runner = platform.services["implementation"].runner
        found = [
            await runner.find(execution_id("implementation", "generate-code", "/tests", str(number)))
            for number in range(20)
        ]
        made = [event for event in platform.events if event.type == "agents.implementation.code.generated"]
    executions = [one.outcome for one in found if one and one.outcome]
    assert [(execution.status, execution.attempts) for execution in executions] == [("completed", 1)] * 20
    assert len(made) == 20
    assert asked < 20 * 2  # one at a time finds out, not each of them
