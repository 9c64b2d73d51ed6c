"""What is wrong with a file: where, how bad, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


class Place(Protocol):
    """Where something stands in a file; lines and columns count from 1."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Spot:
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """An error stops the start; a warning stops a release (`make check`); a note stops nothing."""

    file: str
    line: int
    column: int
    severity: Severity
    text: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.text} — {self.cure}"


@dataclass(slots=True)
class Report:
    """Collects the problems of one file, so that an author sees all of them at once."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def error(self, place: Place, text: str, cure: str) -> None:
        self._add(place, "error", text, cure)

    def warning(self, place: Place, text: str, cure: str) -> None:
        self._add(place, "warning", text, cure)

    def note(self, place: Place, text: str, cure: str) -> None:
        self._add(place, "note", text, cure)

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)

    def _add(self, place: Place, severity: Severity, text: str, cure: str) -> None:
        problem = Problem(self.file, place.line, place.column, severity, text, cure)
        if problem not in self.problems:
            self.problems.append(problem)
