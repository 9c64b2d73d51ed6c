from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from domain.entities.specification import Case
from domain.entities.values import Reference, Sentence, Title, Value
from domain.event import EventData

Level: TypeAlias = Literal["unit", "integration", "end-to-end", "performance", "security", "manual"]


class SpecGenerated(EventData, type="agents.testplanning.spec.generated"):
    """A feature has a test specification."""

    spec_id: Reference
    feature_title: Title
    summary: Sentence
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=10)]

    @property
    def subject(self) -> str:
        return f"specifications/{self.spec_id}"


class LevelShare(Value):
    """How much of the testing a level gets; the shares of a strategy add up to 100."""

    level: Level
    focus: Sentence
    share_percent: int = Field(ge=0, le=100)


class StrategyCreated(EventData, type="agents.testplanning.strategy.created"):
    strategy_id: Reference
    scope: Title
    summary: Sentence
    levels: Annotated[tuple[LevelShare, ...], Field(max_length=6)]
    risks: Annotated[tuple[Sentence, ...], Field(max_length=10)]
    exit_criteria: Annotated[tuple[Sentence, ...], Field(max_length=10)]

    @property
    def subject(self) -> str:
        return f"strategies/{self.strategy_id}"


class CoverageFigures(Value):
    """Counted, not estimated. `covered_percent` is rounded to one decimal."""

    requirements: int
    covered: int
    covered_percent: float
    uncovered: Annotated[tuple[Reference, ...], Field(max_length=50)] = Field(
        description="Ids of requirements without a case."
    )
    unknown: Annotated[tuple[Reference, ...], Field(max_length=50)] = Field(
        description="Ids that cases refer to, and that no requirement has; the first 50."
    )
    aimless: Annotated[tuple[Title, ...], Field(max_length=50)] = Field(
        description="Titles of cases that cover no requirement; the first 50."
    )


class CoverageAnalyzed(EventData, type="agents.testplanning.coverage.analyzed"):
    analysis_id: Reference
    feature_title: Title
    figures: CoverageFigures
    summary: Sentence
    recommendations: Annotated[tuple[Sentence, ...], Field(max_length=10)]

    @property
    def subject(self) -> str:
        return f"coverage/{self.analysis_id}"
