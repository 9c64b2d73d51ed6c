"""Release N−1: it writes code, and keeps a tally of what was written."""

from __future__ import annotations

from agents.implementation.models import DraftCode, GenerateCode
from agents.implementation.rules import placed
from agents.runtime import Agent, Context, Outcome
from domain.entities.code import CodeFile, Language
from domain.entities.specification import Case
from domain.entities.values import Reference, Sentence, Title, Value, identifier
from domain.event import EventData

AGENT = Agent("implementation", description="Writes code, as release N−1 does.")


class SpecGenerated(EventData, type="agents.testplanning.spec.generated"):
    spec_id: Reference
    feature_title: Title
    cases: tuple[Case, ...]


class CodeGenerated(EventData, type="agents.implementation.code.generated"):
    code_id: Reference
    spec_id: Reference
    feature_title: Title
    language: Language
    files: tuple[CodeFile, ...]
    explanation: Sentence


class Tally(Value):
    """Of one drawer, so that not every chain writes the same document."""

    written: int = 0


class Written(Value):
    code_id: Reference


AGENT.publishes(CodeGenerated)
WRITE_CODE = AGENT.prompt("generate-code", takes=GenerateCode, returns=DraftCode)


@AGENT.change
def count(tally: Tally, _: Written) -> Tally:
    return tally.model_copy(update={"written": tally.written + 1})


@AGENT.on(SpecGenerated)
async def generate_code(spec: SpecGenerated, ctx: Context) -> Outcome:
    """Write the code for a specification, and count it."""
    asked = GenerateCode(feature_title=spec.feature_title, cases=spec.cases)
    draft = await ctx.ask(WRITE_CODE, asked)
    code = CodeGenerated(
        code_id=identifier("CODE", ctx.execution_id),
        spec_id=spec.spec_id,
        feature_title=spec.feature_title,
        language=asked.language,
        files=placed(draft.files),
        explanation=draft.explanation,
    )
    counted = count.to(f"drawer-{spec.spec_id[-1]}", Written(code_id=code.code_id))
    return Outcome(output=code, events=[code], changes=[counted])
