"""Answers itself: an event starts the next hop until none is left."""

from __future__ import annotations

from agents.implementation import rules
from agents.implementation.models import DraftCode, GenerateCode, from_spec
from agents.runtime import Agent, Context, Outcome
from benchmarks.capacity.room.vocabulary import EndReached, HopReached
from domain.entities.values import Closed, identifier

AGENT = Agent("chain", description="Writes code for a specification, hop after hop.")
AGENT.publishes(HopReached, EndReached)

WRITE_CODE = AGENT.prompt("write-code", takes=GenerateCode, returns=DraftCode)


class TakeHop(Closed):
    spec: GenerateCode
    came: HopReached


def from_hop(hop: HopReached) -> TakeHop:
    return TakeHop(spec=from_spec(hop), came=hop)


@AGENT.on(HopReached, from_hop)
@AGENT.task()
async def take_hop(hop: TakeHop, ctx: Context) -> Outcome:
    """Write the code; then the next hop, or the end."""
    draft = await ctx.ask(WRITE_CODE, hop.spec)
    if hop.came.hops_left > 1:
        onwards = hop.came.model_copy(update={"hops_left": hop.came.hops_left - 1})
        return Outcome(output=onwards, events=[onwards])
    end = EndReached(
        code_id=identifier("CODE", ctx.execution_id),
        spec_id=hop.spec.spec_id,
        feature_title=hop.spec.feature_title,
        language=hop.spec.language,
        files=rules.placed(draft.files),
        explanation=draft.explanation,
    )
    return Outcome(output=end, events=[end])
