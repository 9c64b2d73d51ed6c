"""What the tasks take, and what the prompts answer. An answer's bounds are those of its prompt's schema."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from domain.entities.code import CodeFile, Language
from domain.entities.specification import Case
from domain.entities.values import Closed, Reference, Severity, Title, Value
from domain.events.implementation import Effort, Measures, RefactoringKind
from domain.events.testplanning import SpecGenerated

Wish = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class GenerateCode(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "feature_title": "Password reset by e-mail",
                    "cases": [
                        {
                            "id": "TC-1",
                            "title": "A used link is refused",
                            "given": "a link that was used once",
                            "when": "it is opened again",
                            "then": "the page says that the link is no longer valid",
                            "priority": "high",
                            "kind": "unit",
                        }
                    ],
                    "language": "python",
                    "guidance": "No framework; the clock is passed in.",
                }
            ]
        }
    )

    feature_title: Title
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=10)]
    language: Language = "python"
    guidance: Wish = Field("", description="What to keep to: libraries, conventions, limits.")
    spec_id: Reference | None = Field(None, description="The specification that the cases come from.")


def from_spec(spec: SpecGenerated) -> GenerateCode:
    return GenerateCode(feature_title=spec.feature_title, cases=spec.cases, spec_id=spec.spec_id)


class DraftFile(Closed):
    model_config = ConfigDict(str_strip_whitespace=False)  # a file ends with a line break

    path: str = Field(min_length=1, max_length=60)
    language: Language
    content: str = Field(min_length=1, max_length=1000)


class DraftCode(Closed):
    explanation: str = Field(min_length=1, max_length=240)
    files: list[DraftFile] = Field(min_length=1, max_length=2)


class ReviewCode(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "files": [
                        {
                            "path": "shop/price.py",
                            "language": "python",
                            "content": "def gross(net):\n    return net * 1.19\n",
                        }
                    ],
                    "focus": "Money must not be rounded by binary fractions.",
                }
            ]
        }
    )

    files: Annotated[tuple[CodeFile, ...], Field(min_length=1, max_length=5)]
    focus: Wish = Field("", description="What to look at above all.")


class ReviewBrief(Value):
    """What the prompt is told: the files, their lines numbered."""

    files: tuple[CodeFile, ...]
    focus: str


class DraftFinding(Closed):
    file: int = Field(ge=1, le=5)
    line: int = Field(ge=0, le=20_000)
    severity: Severity
    problem: str = Field(min_length=1, max_length=120)
    suggestion: str = Field(min_length=1, max_length=120)


class DraftReview(Closed):
    summary: str = Field(min_length=1, max_length=240)
    findings: list[DraftFinding] = Field(max_length=3)


class SuggestRefactoring(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "file": {
                        "path": "shop/price.py",
                        "language": "python",
                        "content": "def gross(net, kind):\n    if kind == 'book':\n        return net * 1.07\n"
                        "    else:\n        return net * 1.19\n",
                    },
                    "goal": "More tax rates will come.",
                }
            ]
        }
    )

    file: CodeFile
    goal: Wish = Field("", description="What the change is to make easier.")


class RefactoringBrief(Value):
    path: str
    language: Language
    content: str
    goal: str
    measures: Measures


class DraftRefactoring(Closed):
    kind: RefactoringKind
    title: str = Field(min_length=1, max_length=80)
    rationale: str = Field(min_length=1, max_length=140)
    effort: Effort


class DraftRefactorings(Closed):
    summary: str = Field(min_length=1, max_length=240)
    suggestions: list[DraftRefactoring] = Field(max_length=3)
