"""The agent under simulation: two tasks, whose handlers do what the scenario's plan says for their input."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from pydantic import BaseModel

from agents.runtime import Agent, Context, Outcome
from domain.errors import Rejected, Transient, Unavailable
from domain.event import EventData

if TYPE_CHECKING:
    from tests.simulation.replica import Replica

AGENT = Agent("sim", description="Does as planned.")
DEADLINE = 8.0
FAILURES: dict[str, Exception] = {
    "rejected": Rejected("as planned"),
    "transient": Transient("as planned"),
    "unavailable": Unavailable("as planned"),
    "internal": RuntimeError("as planned"),
}


class Asked(EventData, type="agents.sim.asked"):
    n: int


class AskedTwice(EventData, type="agents.sim.asked-twice"):
    """Starts both tasks."""

    n: int


class Worked(EventData, type="agents.sim.worked"):
    """`attempt` is another number in every run of every handler: two runs never make the same event."""

    n: int
    attempt: int


class Did(BaseModel):
    attempt: int
    padding: str


class Entry(BaseModel):
    token: str
    attempt: int
    broken: bool = False


class Book(BaseModel):
    entries: list[Entry] = []


class Outside(Protocol):
    """An outside effect."""

    async def send(self, execution_id: str) -> None: ...


AGENT.publishes(Worked)


@AGENT.change
def enter(book: Book, entry: Entry) -> Book:
    if entry.broken:
        raise RuntimeError("as planned")
    return Book(entries=[*book.entries, entry])


@AGENT.on(Asked)
@AGENT.on(AskedTwice, lambda asked: Asked(n=asked.n))
@AGENT.task(deadline=DEADLINE, concurrency=2)
async def work(asked: Asked, ctx: Context) -> Outcome:
    return await _as_planned("work", asked.n, ctx)


@AGENT.on(AskedTwice, lambda asked: Asked(n=asked.n))
@AGENT.task(deadline=DEADLINE, concurrency=2)
async def report(asked: Asked, ctx: Context) -> Outcome:
    return await _as_planned("report", asked.n, ctx)


async def _as_planned(task: str, n: int, ctx: Context) -> Outcome:
    replica = cast("Replica", asyncio.get_running_loop().process)  # type: ignore[attr-defined]  # the simulation's loop
    world = replica.world
    plan = world.scenario.plans[n]
    attempt, tries = world.ledger.handler_begins(replica, ctx.execution_id)
    try:
        if plan.takes:
            await asyncio.sleep(plan.takes)
        if plan.deadly:
            world.crash(replica, "the handler kills its process")
            await asyncio.sleep(0)  # never to come back
        if plan.stalls and not tries:
            replica.freeze(plan.stalls)
            await asyncio.sleep(0)
        failure = plan.failures[tries] if tries < len(plan.failures) else None
        if failure == "deadline_exceeded":
            await asyncio.sleep(10 * DEADLINE)
        if failure is not None:
            world.ledger.handler_fails(replica, ctx.execution_id, failure)
            raise FAILURES[failure]
        if plan.effect:
            since = world.ledger.sequence
            outside = await ctx.effect(Outside)
            world.ledger.effect_allowed(replica, ctx.execution_id, since)
            await outside.send(ctx.execution_id)
        changes = [
            enter.to(
                f"book {i}",
                Entry(token=f"{ctx.execution_id}/{i}", attempt=attempt, broken=plan.broken_change),
            )
            for i in range(plan.changes)
        ]
        events = [Worked(n=n, attempt=attempt) for _ in range(plan.events)]
        return Outcome(Did(attempt=attempt, padding="x" * plan.padding), events, changes)
    finally:
        world.ledger.handler_ends(replica, ctx.execution_id)
