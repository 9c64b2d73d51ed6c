"""What needs no model: safe paths, places in files, the verdict, measures."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import get_args

from agents.implementation.models import DraftFile, DraftFinding, DraftRefactoring
from domain.entities.code import CodeFile, Language
from domain.events.implementation import Effort, Finding, Measures, Refactoring, Verdict

SUFFIXES: dict[Language, str] = {
    "python": ".py",
    "typescript": ".ts",
    "javascript": ".js",
    "csharp": ".cs",
    "java": ".java",
    "go": ".go",
    "rust": ".rs",
    "sql": ".sql",
    "shell": ".sh",
    "yaml": ".yaml",
    "text": ".txt",
}
MAX_NAME = 60
MAX_DEPTH = 6
REPEATED_LENGTH = 10

_NOT_IN_NAMES = re.compile(r"[^\w.+@()\[\]-]+")
_FENCE = re.compile(r"```[^\n`]*\n(.+)```", re.DOTALL)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def placed(drafts: Sequence[DraftFile]) -> tuple[CodeFile, ...]:
    """The files under safe and unique paths, whatever the model called them."""
    files: list[CodeFile] = []
    taken: set[str] = set()
    for draft in drafts:
        path = first = safe_path(draft.path, draft.language)
        number = 2
        while path.casefold() in taken:  # some file systems know no case
            path = str(PurePosixPath(first).with_stem(f"{PurePosixPath(first).stem}-{number}"))
            number += 1
        taken.add(path.casefold())
        files.append(CodeFile(path=path, language=draft.language, content=unfenced(draft.content)))
    return tuple(files)


def safe_path(path: str, language: Language) -> str:
    """The relative path nearest to `path` that every file system takes and that leads nowhere else.

    A slip in a path is not worth another paid answer, so it is mended: drives, roots and `..` go, other characters
    become `-`, a name without a suffix gets the language's.
    """
    normal = unicodedata.normalize("NFC", path).replace("\\", "/")
    names = [_safe_name(name) for name in re.sub(r"^[A-Za-z]:", "", normal).split("/")]
    kept = [name for name in names if name][-MAX_DEPTH:]
    last = PurePosixPath(kept.pop() if kept else "file")
    return "/".join([*kept, str(last) if last.suffix else f"{last}{SUFFIXES[language]}"])


def unfenced(content: str) -> str:
    """Without the Markdown fence that models like to put around a file."""
    fence = _FENCE.fullmatch(content.strip())
    return fence[1] if fence else content


def _safe_name(name: str) -> str:
    plain = _NOT_IN_NAMES.sub("-", name.strip())
    if len(plain) > MAX_NAME:
        suffix = PurePosixPath(plain).suffix[:10]
        plain = plain[: MAX_NAME - len(suffix)] + suffix
    plain = plain.rstrip(".-") if plain.strip(".-") else ""
    return f"_{plain}" if _RESERVED.fullmatch(plain) or plain.startswith("-") else plain


def with_line_numbers(file: CodeFile) -> str:
    """So that a finding can name its line: models count badly."""
    lines = file.content.splitlines()
    width = len(str(len(lines)))
    return "\n".join(f"{number:>{width}} {line}" for number, line in enumerate(lines, 1))


def located(drafts: Sequence[DraftFinding], files: Sequence[CodeFile]) -> tuple[Finding, ...]:
    """Findings about the files that were given: others are left out, a line beyond the file's end is dropped."""
    findings = []
    for draft in drafts:
        number = 1 if len(files) == 1 else draft.file
        if number <= len(files):
            file = files[number - 1]
            line = draft.line if 1 <= draft.line <= len(file.content.splitlines()) else None
            said = draft.model_dump(include={"severity", "problem", "suggestion"})
            findings.append(Finding(path=file.path, line=line, **said))
    return tuple(findings)


def verdict(findings: Sequence[Finding]) -> Verdict:
    severities = {finding.severity for finding in findings}
    if severities & {"error", "critical"}:
        return "changes_requested"
    return "comments" if severities else "approved"


def measure(file: CodeFile) -> Measures:
    lines = file.content.expandtabs(4).splitlines()
    texts = Counter(line.strip() for line in lines if len(line.strip()) >= REPEATED_LENGTH)
    return Measures(
        lines=len(lines),
        longest_line=max(map(len, lines), default=0),
        deepest_indentation=max(
            (len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0
        ),
        repeated_lines=sum(count - 1 for count in texts.values()),
    )


def cheapest_first(drafts: Sequence[DraftRefactoring]) -> tuple[Refactoring, ...]:
    efforts = get_args(Effort)
    ordered = sorted(drafts, key=lambda draft: efforts.index(draft.effort))
    return tuple(Refactoring(**draft.model_dump()) for draft in ordered)
