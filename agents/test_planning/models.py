"""What the tasks take, and what the prompts answer. An answer's bounds are those of its prompt's schema."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from domain.entities.specification import CaseKind
from domain.entities.values import Closed, Priority, Reference, Sentence, Text, Title, Value
from domain.events.testplanning import Level


class GenerateSpec(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "feature_title": "Password reset by e-mail",
                    "description": "A user who forgot the password asks for a link by e-mail. The link works once, "
                    "for 30 minutes. After five requests within an hour further ones are refused.",
                }
            ]
        }
    )

    feature_title: Title
    description: Text = Field(description="What the feature does, for whom, and its limits; in any language.")


class DraftCase(Closed):
    title: str = Field(min_length=1, max_length=70)
    given: str = Field(min_length=1, max_length=90)
    when: str = Field(min_length=1, max_length=90)
    then: str = Field(min_length=1, max_length=90)
    priority: Priority
    kind: CaseKind


class DraftSpec(Closed):
    summary: str = Field(min_length=1, max_length=120)
    cases: list[DraftCase] = Field(min_length=1, max_length=3)


class CreateStrategy(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scope": "Web shop, release 4",
                    "description": "Checkout moves to a new payment provider. Catalogue and search stay as they are.",
                    "constraints": ["Two testers for three weeks", "No test with real cards"],
                }
            ]
        }
    )

    scope: Title = Field(description="What is to be tested: a system, a release, a part of it.")
    description: Text
    constraints: Annotated[tuple[Sentence, ...], Field(max_length=10)] = ()


class DraftLevel(Closed):
    level: Level
    focus: str = Field(min_length=1, max_length=100)
    share_percent: int = Field(ge=0, le=100)


class DraftStrategy(Closed):
    summary: str = Field(min_length=1, max_length=160)
    levels: list[DraftLevel] = Field(min_length=1, max_length=4)
    risks: list[Annotated[str, Field(min_length=1, max_length=110)]] = Field(max_length=3)
    exit_criteria: list[Annotated[str, Field(min_length=1, max_length=110)]] = Field(max_length=3)


class Requirement(Closed):
    id: Reference
    text: Sentence


class CoveringCase(Closed):
    title: Title
    covers: Annotated[tuple[Reference, ...], Field(max_length=10)] = Field(
        (), description="Ids of requirements."
    )


class AnalyzeCoverage(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "feature_title": "Password reset by e-mail",
                    "requirements": [
                        {"id": "R1", "text": "The link works once."},
                        {"id": "R2", "text": "The link works for 30 minutes."},
                    ],
                    "cases": [{"title": "A used link is refused", "covers": ["R1"]}],
                }
            ]
        }
    )

    feature_title: Title
    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1, max_length=50)]
    cases: Annotated[tuple[CoveringCase, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = Counter(requirement.id for requirement in self.requirements)
        if twice := [name for name, count in ids.items() if count > 1]:
            raise ValueError(f"requirements share an id: {', '.join(twice)}")
        return self


class CoverageBrief(Value):
    """What the prompt is told: figures that were counted, and the gaps in words."""

    feature_title: Title
    requirements: int
    covered: int
    covered_percent: float
    gaps: tuple[Requirement, ...]


class CoverageReading(Closed):
    summary: str = Field(min_length=1, max_length=240)
    recommendations: list[Annotated[str, Field(min_length=1, max_length=110)]] = Field(max_length=3)
