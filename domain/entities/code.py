from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import StringConstraints

from domain.entities.values import Value

Language: TypeAlias = Literal[
    "python", "typescript", "javascript", "csharp", "java", "go", "rust", "sql", "shell", "yaml", "text"
]
Path: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Source: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class CodeFile(Value):
    """A source file; `path` is relative to the repository and uses `/`."""

    path: Path
    language: Language
    content: Source
