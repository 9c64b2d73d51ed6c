"""Takes a content of any size along. The model never sees it, so what grows with it is what the platform costs."""

from __future__ import annotations

from agents.implementation import rules
from agents.implementation.models import DraftCode, GenerateCode, from_spec
from agents.runtime import Agent, Context, Outcome
from benchmarks.capacity.room.vocabulary import Bulk, BulkHandled, BulkOffered
from domain.entities.values import Closed, identifier

AGENT = Agent("bulk", description="Writes code for specifications that carry a load.")
AGENT.publishes(BulkHandled)

WRITE_CODE = AGENT.prompt("write-code", takes=GenerateCode, returns=DraftCode)


class HandleItem(Closed):
    spec: GenerateCode
    content: Bulk
    pass_on: bool


def from_item(item: BulkOffered) -> HandleItem:
    return HandleItem(spec=from_spec(item), content=item.content, pass_on=item.pass_on)


@AGENT.on(BulkOffered, from_item)
@AGENT.task()
async def handle_item(item: HandleItem, ctx: Context) -> Outcome:
    """Write the code, and pass the content on where that is asked for."""
    draft = await ctx.ask(WRITE_CODE, item.spec)
    handled = BulkHandled(
        code_id=identifier("CODE", ctx.execution_id),
        spec_id=item.spec.spec_id,
        feature_title=item.spec.feature_title,
        language=item.spec.language,
        files=rules.placed(draft.files),
        explanation=draft.explanation,
        content=item.content if item.pass_on else "",
    )
    return Outcome(output=handled, events=[handled])
