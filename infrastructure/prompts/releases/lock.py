"""`prompts.lock`: one line for each release, with the hash of its file; sorted, so that merging it is easy.

service-desk/triage/1.0.0 sha256:9f86d0…0a08
service-desk/triage/1.1.0 sha256:60303a…5ae7 deprecated it forgot the language
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from domain.prompt import PromptState
from domain.semver import precedence
from infrastructure.files.writing import write_whole
from infrastructure.located_yaml.problem import Problem, Report, Spot

NAME: Final = "prompts.lock"
Key: TypeAlias = tuple[str, str, str]
"""Agent, prompt, version."""

_LINE = re.compile(r"([^/\s]+)/([^/\s]+)/([^/\s]+) sha256:([0-9a-f]{64})( deprecated(?: (\S.*))?)?")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")


@dataclass(frozen=True, slots=True)
class Release:
    """A version whose file never changes. `because` says why it is deprecated; `line` is where it stands, 0 for a new one."""

    key: Key
    sha256: str
    deprecated: bool = False
    because: str = ""
    line: int = 0

    @property
    def state(self) -> PromptState:
        return "deprecated" if self.deprecated else "released"

    def __str__(self) -> str:
        mark = f" deprecated {self.because}".rstrip() if self.deprecated else ""
        return f"{'/'.join(self.key)} sha256:{self.sha256}{mark}"


@dataclass(frozen=True, slots=True)
class Lock:
    """`problems` name each line that cannot be used; a file with one is not written over."""

    path: Path
    releases: Mapping[Key, Release] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def of(self, agent: str, prompt: str) -> dict[str, Release]:
        """The releases of one prompt by version."""
        return {key[2]: release for key, release in self.releases.items() if key[:2] == (agent, prompt)}


def read_lock(root: Path) -> Lock:
    """The lock of the folder that holds all agents' prompts; no file is a lock without releases."""
    path = root / NAME
    report = Report(str(path))
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Lock(path)
    except (OSError, UnicodeDecodeError) as error:
        report.error(Spot(1), f"the file cannot be read: {error}", f"git checkout -- {path}")
        return Lock(path, problems=tuple(report.problems))
    releases: dict[Key, Release] = {}
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        release = _read_line(line, number, report)
        if release is None:
            continue
        if first := releases.get(release.key):
            report.error(
                Spot(number),
                f"{'/'.join(release.key)} stands here twice, first in line {first.line}",
                "keep the line whose hash `sha256sum` gives for the file, with `deprecated` if one of them says so",
            )
            continue
        if line < before:
            report.warning(
                Spot(number), "this line is out of order", f"LC_ALL=C sort -o {path} {path} puts all in order"
            )
        before = line
        releases[release.key] = release
    if not (releases or report.problems):
        # Written by nobody here: taken for a folder without releases, it would silently make drafts of them all.
        cure = f"git checkout -- {path}, or remove the file where nothing is released yet"
        report.error(Spot(1), "the file is empty", cure)
    return Lock(path, releases, tuple(report.problems))


def write_lock(lock: Lock) -> None:
    """Whole or not at all."""
    text = "".join(f"{line}\n" for line in sorted(map(str, lock.releases.values())))
    write_whole(lock.path, text.encode())


def _read_line(line: str, number: int, report: Report) -> Release | None:
    if _CONFLICT.match(line):
        report.error(
            Spot(number), "a merge conflict", "keep the lines of both sides, each once, and remove the marks"
        )
        return None
    match = _LINE.fullmatch(line)
    if match is None:
        report.error(
            Spot(number),
            f"this is no release: {line[:80]}",
            f"write <agent>/<prompt>/<version> sha256:<64 hex digits>, or take the line back: git diff {report.file}",
        )
        return None
    agent, prompt, version, sha256, mark, because = match.groups()
    try:
        precedence(version)
    except ValueError as error:
        report.error(Spot(number), str(error), f"correct the line: git diff {report.file}")
        return None
    return Release((agent, prompt, version), sha256, bool(mark), because or "", number)
