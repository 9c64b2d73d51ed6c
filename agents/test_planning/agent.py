from __future__ import annotations

from agents.runtime import Agent, Context, Outcome
from agents.test_planning import rules
from agents.test_planning.models import (
    AnalyzeCoverage,
    CoverageBrief,
    CoverageReading,
    CreateStrategy,
    DraftSpec,
    DraftStrategy,
    GenerateSpec,
)
from domain.entities.values import identifier
from domain.events.testplanning import CoverageAnalyzed, SpecGenerated, StrategyCreated

AGENT = Agent(
    "test-planning",
    description="Plans tests: specifications of features, test strategies, coverage of requirements.",
)
AGENT.publishes(SpecGenerated, StrategyCreated, CoverageAnalyzed)

WRITE_SPEC = AGENT.prompt("generate-spec", takes=GenerateSpec, returns=DraftSpec)
WRITE_STRATEGY = AGENT.prompt("create-strategy", takes=CreateStrategy, returns=DraftStrategy)
READ_COVERAGE = AGENT.prompt("analyze-coverage", takes=CoverageBrief, returns=CoverageReading)


@AGENT.task()
async def generate_spec(feature: GenerateSpec, ctx: Context) -> Outcome:
    """Write a test specification for a feature: cases with given, when, then, priority and kind."""
    draft = await ctx.ask(WRITE_SPEC, feature)
    spec = SpecGenerated(
        spec_id=identifier("SPEC", ctx.execution_id),
        feature_title=feature.feature_title,
        summary=draft.summary,
        cases=rules.numbered(draft.cases),
    )
    return Outcome(output=spec, events=[spec])


@AGENT.task()
async def create_strategy(asked: CreateStrategy, ctx: Context) -> Outcome:
    """Lay out a test strategy: levels with their share of the work, risks, exit criteria."""
    draft = await ctx.ask(WRITE_STRATEGY, asked)
    strategy = StrategyCreated(
        strategy_id=identifier("STRATEGY", ctx.execution_id),
        scope=asked.scope,
        summary=draft.summary,
        levels=rules.shared_out(draft.levels),
        risks=tuple(draft.risks),
        exit_criteria=tuple(draft.exit_criteria),
    )
    return Outcome(output=strategy, events=[strategy])


@AGENT.task()
async def analyze_coverage(asked: AnalyzeCoverage, ctx: Context) -> Outcome:
    """Count which requirements have a test case, and explain what the gaps mean."""
    figures = rules.coverage(asked)
    brief = CoverageBrief(
        feature_title=asked.feature_title,
        requirements=figures.requirements,
        covered=figures.covered,
        covered_percent=figures.covered_percent,
        gaps=tuple(one for one in asked.requirements if one.id in figures.uncovered),
    )
    reading = await ctx.ask(READ_COVERAGE, brief)
    analysis = CoverageAnalyzed(
        analysis_id=identifier("COVERAGE", ctx.execution_id),
        feature_title=asked.feature_title,
        figures=figures,
        summary=reading.summary,
        recommendations=tuple(reading.recommendations),
    )
    return Outcome(output=analysis, events=[analysis])
