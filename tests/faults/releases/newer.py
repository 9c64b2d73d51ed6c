"""Release N: specifications say how urgent they are, code says it on, and the tally counts urgent ones apart.

Every new field is optional: release N−1 knows none of them, publishes events and keeps documents without them, and meets
those that have them.
"""

from __future__ import annotations

from agents.implementation.models import DraftCode, GenerateCode
from agents.implementation.rules import placed
from agents.runtime import Agent, Context, Outcome
from domain.entities.code import CodeFile, Language
from domain.entities.specification import Case
from domain.entities.values import Priority, Reference, Sentence, Title, Value, identifier
from domain.event import EventData

AGENT = Agent("implementation", description="Writes code, as release N does.")


class SpecGenerated(EventData, type="agents.testplanning.spec.generated", version="1.1"):
    spec_id: Reference
    feature_title: Title
    cases: tuple[Case, ...]
    urgency: Priority = "medium"


class CodeGenerated(EventData, type="agents.implementation.code.generated", version="1.1"):
    code_id: Reference
    spec_id: Reference
    feature_title: Title
    language: Language
    files: tuple[CodeFile, ...]
    explanation: Sentence
    urgency: Priority = "medium"


class Tally(Value):
    """Of one drawer, so that not every chain writes the same document."""

    written: int = 0
    urgent: int = 0


class Written(Value):
    code_id: Reference
    urgency: Priority = "medium"


AGENT.publishes(CodeGenerated)
WRITE_CODE = AGENT.prompt("generate-code", takes=GenerateCode, returns=DraftCode)


@AGENT.change
def count(tally: Tally, written: Written) -> Tally:
    urgent = tally.urgent + (written.urgency == "high")
    return tally.model_copy(update={"written": tally.written + 1, "urgent": urgent})


@AGENT.on(SpecGenerated)
async def generate_code(spec: SpecGenerated, ctx: Context) -> Outcome:
    """Write the code for a specification, and count it, urgent ones apart."""
    asked = GenerateCode(feature_title=spec.feature_title, cases=spec.cases)
    draft = await ctx.ask(WRITE_CODE, asked)
    code = CodeGenerated(
        code_id=identifier("CODE", ctx.execution_id),
        spec_id=spec.spec_id,
        feature_title=spec.feature_title,
        language=asked.language,
        files=placed(draft.files),
        explanation=draft.explanation,
        urgency=spec.urgency,
    )
    counted = count.to(f"drawer-{spec.spec_id[-1]}", Written(code_id=code.code_id, urgency=spec.urgency))
    return Outcome(output=code, events=[code], changes=[counted])
