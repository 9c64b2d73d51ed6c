from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from domain.entities.code import CodeFile, Language, Path
from domain.entities.values import Reference, Sentence, Severity, Title, Value
from domain.event import EventData

Verdict: TypeAlias = Literal["approved", "comments", "changes_requested"]
RefactoringKind: TypeAlias = Literal["extract", "rename", "simplify", "remove-duplication", "split", "other"]
Effort: TypeAlias = Literal["small", "medium", "large"]


class CodeGenerated(EventData, type="agents.implementation.code.generated"):
    """Code for a specification. Paths are relative, without `..`, and unique."""

    code_id: Reference
    spec_id: Reference | None = None
    feature_title: Title
    language: Language
    files: Annotated[tuple[CodeFile, ...], Field(min_length=1, max_length=10)]
    explanation: Sentence

    @property
    def subject(self) -> str:
        return f"code/{self.code_id}"


class Finding(Value):
    """`line` counts from 1, and is absent when the finding is about the whole file."""

    path: Path
    line: int | None = Field(ge=1)
    severity: Severity
    problem: Sentence
    suggestion: Sentence


class ReviewCompleted(EventData, type="agents.implementation.review.completed"):
    review_id: Reference
    verdict: Verdict
    summary: Sentence
    findings: Annotated[tuple[Finding, ...], Field(max_length=20)]

    @property
    def subject(self) -> str:
        return f"reviews/{self.review_id}"


class Measures(Value):
    """Counted in one file. `repeated_lines` are lines of ten or more characters that stand there before already."""

    lines: int
    longest_line: int
    deepest_indentation: int
    repeated_lines: int


class Refactoring(Value):
    kind: RefactoringKind
    title: Title
    rationale: Sentence
    effort: Effort


class RefactoringSuggested(EventData, type="agents.implementation.refactoring.suggested"):
    """`suggestions` are sorted by effort, the smallest first."""

    refactoring_id: Reference
    path: Path
    measures: Measures
    summary: Sentence
    suggestions: Annotated[tuple[Refactoring, ...], Field(max_length=10)]

    @property
    def subject(self) -> str:
        return f"refactorings/{self.refactoring_id}"
