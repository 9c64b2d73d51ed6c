"""What one event brings, leaves and sends, in bytes: exact, so that sizing counts on it (tests/unit/runtime/test_size.py)."""

from __future__ import annotations

from collections.abc import Callable

from agents.implementation import AGENT
from agents.implementation.models import from_spec
from agents.runtime.documents import claim_key, execution_key, published_key
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Counted
from benchmarks.suite.outside import TEMPLATE
from benchmarks.suite.programs import OUTSIDE, Programs
from domain.event import Event
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from domain.execution import execution_id
from domain.json import dump
from infrastructure.memory.model import ScriptedModel
from infrastructure.testing.platform import MemoryPlatform

TASK = "generate-code"
SETTLED = 0.3
"""Seconds after which the mark of the publication is written, too."""


def expected_s(_: Plan) -> list[float]:
    return [1.0]


async def measure(_programs: Programs, _plan: Plan, _say: Callable[[str], None]) -> Counted:
    return await count()


async def count() -> Counted:
    """On the runtime itself, with the benchmark's event and its model's answer; no process is started."""
    answer = (OUTSIDE / "answer.json").read_text().strip()
    incoming = Event.from_json(TEMPLATE.encode())
    async with MemoryPlatform([AGENT], model=ScriptedModel(lambda _: answer)) as platform:
        platform.publish(incoming)
        await platform.quiet(SETTLED)
        done = execution_id(AGENT.name, TASK, incoming.source, incoming.id)
        store = platform.stores[AGENT.name]
        sizes = {}
        for key in (claim_key(done), execution_key(done), published_key(done)):
            stored = await store.get(key)
            assert stored is not None  # noqa: S101 - quiet() waited for it
            sizes[key.partition(":")[0]] = len(stored.data)
        (outgoing,) = (event for event in platform.events if event.type == CodeGenerated.event_type)
        # The same work asked for over HTTP goes to the agent's own topic first.
        await platform.execute(
            AGENT.name, TASK, from_spec(SpecGenerated(**incoming.data)).model_dump(mode="json")
        )
        (command,) = (data for topic, data in platform.broker.published if topic == AGENT.commands_topic)
    return Counted(
        event_in=len(dump(incoming)),
        event_out=len(outgoing.to_json()),
        command=len(command),
        documents=sizes,
    )
