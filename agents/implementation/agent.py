from __future__ import annotations

from agents.implementation import rules
from agents.implementation.models import (
    DraftCode,
    DraftRefactorings,
    DraftReview,
    GenerateCode,
    RefactoringBrief,
    ReviewBrief,
    ReviewCode,
    SuggestRefactoring,
    from_spec,
)
from agents.runtime import Agent, Context, Outcome
from domain.entities.values import identifier
from domain.events.implementation import CodeGenerated, RefactoringSuggested, ReviewCompleted
from domain.events.testplanning import SpecGenerated

AGENT = Agent(
    "implementation",
    description="Works on code: writes it for test specifications, reviews it, suggests refactorings.",
)
AGENT.publishes(CodeGenerated, ReviewCompleted, RefactoringSuggested)

WRITE_CODE = AGENT.prompt("generate-code", takes=GenerateCode, returns=DraftCode)
REVIEW = AGENT.prompt("review-code", takes=ReviewBrief, returns=DraftReview)
REFACTOR = AGENT.prompt("suggest-refactoring", takes=RefactoringBrief, returns=DraftRefactorings)


@AGENT.on(SpecGenerated, from_spec)
@AGENT.task()
async def generate_code(spec: GenerateCode, ctx: Context) -> Outcome:
    """Write the code that a test specification asks for: files with path, language and content, and an explanation."""
    draft = await ctx.ask(WRITE_CODE, spec)
    code = CodeGenerated(
        code_id=identifier("CODE", ctx.execution_id),
        spec_id=spec.spec_id,
        feature_title=spec.feature_title,
        language=spec.language,
        files=rules.placed(draft.files),
        explanation=draft.explanation,
    )
    return Outcome(output=code, events=[code])


@AGENT.task()
async def review_code(asked: ReviewCode, ctx: Context) -> Outcome:
    """Review files: findings with their place and severity; the verdict follows from the severities."""
    numbered = tuple(f.model_copy(update={"content": rules.with_line_numbers(f)}) for f in asked.files)
    draft = await ctx.ask(REVIEW, ReviewBrief(files=numbered, focus=asked.focus))
    findings = rules.located(draft.findings, asked.files)
    review = ReviewCompleted(
        review_id=identifier("REVIEW", ctx.execution_id),
        verdict=rules.verdict(findings),
        summary=draft.summary,
        findings=findings,
    )
    return Outcome(output=review, events=[review])


@AGENT.task()
async def suggest_refactoring(asked: SuggestRefactoring, ctx: Context) -> Outcome:
    """Measure a file and suggest how to restructure it, the smallest effort first."""
    measures = rules.measure(asked.file)
    brief = RefactoringBrief(**asked.file.model_dump(), goal=asked.goal, measures=measures)
    draft = await ctx.ask(REFACTOR, brief)
    suggestion = RefactoringSuggested(
        refactoring_id=identifier("REFACTORING", ctx.execution_id),
        path=asked.file.path,
        measures=measures,
        summary=draft.summary,
        suggestions=rules.cheapest_first(draft.suggestions),
    )
    return Outcome(output=suggestion, events=[suggestion])
