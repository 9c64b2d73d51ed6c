"""The versions of one prompt: which files there are, what the lock says of each, and which one is served.

Nothing is compiled here; a released file is read for its hash alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.prompt import PromptState, served_version
from domain.semver import precedence
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.prompts.reading.file import MAX_FILE, PromptFile, read_prompt
from infrastructure.prompts.releases.lock import Lock, Release

CASES = "cases.yaml"
"""Beside the versions of a prompt lie its evaluation's cases; the records are in a folder, `evaluations`."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """`states` by version, the oldest first; `releases` those of them that the lock names."""

    folder: Path
    agent: str
    states: Mapping[str, PromptState]
    releases: Mapping[str, Release]
    served: str | None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        return f"{self.agent}/{self.name}"

    def path(self, version: str) -> Path:
        return self.folder / f"{version}.yaml"


def find_shelves(folder: Path, lock: Lock, *, drafts: bool = False) -> tuple[list[Shelf], list[Problem]]:
    """The prompts of one agent, and what is wrong with names, places and released files. `drafts`: they are served, too."""
    shelves: list[Shelf] = []
    problems: list[Problem] = []
    found: dict[str, list[str]] = {}
    for entry in _visible(folder):
        if entry.is_dir():
            found[entry.name] = [file.name for file in _visible(Path(entry.path))]
        elif entry.name.endswith((".yaml", ".yml")):
            problems.append(_misplaced(entry.path))
    released: dict[str, dict[str, Release]] = {}
    for (agent, prompt, version), release in lock.releases.items():
        if agent == folder.name:
            released.setdefault(prompt, {})[version] = release
    for name in sorted(found.keys() | released.keys()):
        shelf, wrong = _shelf(folder / name, found.get(name, []), released.get(name, {}), drafts=drafts)
        shelves.append(shelf)
        problems += wrong
    return shelves, problems


def find_shelf(root: Path, agent: str, prompt: str, lock: Lock) -> tuple[Shelf, list[Problem]]:
    """One prompt alone; without versions where there is none of this name."""
    folder = root / agent / prompt
    names = [entry.name for entry in _visible(folder)] if folder.is_dir() else []
    return _shelf(folder, names, lock.of(agent, prompt))


def read_version(shelf: Shelf, version: str) -> PromptFile:
    """Check and compile one version; a release is refused when its file is not what was released."""
    path = shelf.path(version)
    report = Report(str(path))
    raw = _bytes(path, report)
    if raw is None:
        return PromptFile(None, tuple(report.problems))
    read = read_prompt(raw, file=str(path), name=shelf.name, version=version)
    if release := shelf.releases.get(version):
        _check_hash(release, raw, shelf, report)
    return PromptFile(None if report.has_errors else read.prompt, (*report.problems, *read.problems))


def _shelf(
    folder: Path, names: list[str], releases: Mapping[str, Release], *, drafts: bool = False
) -> tuple[Shelf, list[Problem]]:
    problems: list[Problem] = []
    there: set[str] = set()
    for name in names:
        if name.endswith((".yaml", ".yml")) and name != CASES:
            version, _, ending = name.rpartition(".")
            report = Report(str(folder / name))
            if _named_well(version, ending, report):
                there.add(version)
            problems += report.problems
    states: dict[str, PromptState] = {
        version: releases[version].state if version in releases else "draft"
        for version in sorted(there, key=precedence)
    }
    shelf = Shelf(folder, folder.parent.name, states, releases, served_version(states, drafts=drafts))
    hashes: dict[str, str] = {}
    for version, release in releases.items():
        report = Report(str(shelf.path(version)))
        if version not in there:
            hashes = hashes or _hashes(shelf)
            _report_missing(release, hashes, shelf, report)
        elif (raw := _bytes(shelf.path(version), report)) is not None:
            _check_hash(release, raw, shelf, report)
        problems += report.problems
    return shelf, problems


def _named_well(version: str, ending: str, report: Report) -> bool:
    try:
        precedence(version)
    except ValueError as error:
        report.error(Spot(1), f"the file's name: {error}", "name it by its version, such as 1.0.0.yaml")
    if ending == "yml":
        report.error(Spot(1), "the file's name ends with .yml", f"name it {version}.yaml")
    return not report.has_errors


def _check_hash(release: Release, raw: bytes, shelf: Shelf, report: Report) -> None:
    found = hashlib.sha256(raw).hexdigest()
    if found != release.sha256:
        report.error(
            Spot(1),
            f"this release was edited: expected sha256:{release.sha256}, found sha256:{found}",
            f"take the edit back (git checkout -- {report.file}); a change is a new version: "
            f"agents prompts new {shelf.title} --minor",
        )


def _report_missing(release: Release, hashes: Mapping[str, str], shelf: Shelf, report: Report) -> None:
    renamed = hashes.get(release.sha256)
    found = f"found under another name, {renamed}.yaml" if renamed else "found no file"
    cure = f"git mv {shelf.path(renamed)} {report.file}" if renamed else f"git checkout -- {report.file}"
    report.error(
        Spot(1),
        f"this release was {'renamed' if renamed else 'removed'}: expected sha256:{release.sha256}, {found}",
        f"bring it back ({cure}); a change is a new version: agents prompts new {shelf.title} --minor; "
        f"what nobody shall use: agents prompts deprecate {shelf.title} {release.key[2]} --because …",
    )


def _hashes(shelf: Shelf) -> dict[str, str]:
    """The drafts by their hashes: one of them may be a release under another name."""
    unread = Report("")
    drafts = [version for version, state in shelf.states.items() if state == "draft"]
    read = {version: _bytes(shelf.path(version), unread) for version in drafts}
    return {hashlib.sha256(raw).hexdigest(): version for version, raw in read.items() if raw is not None}


def _bytes(path: Path, report: Report) -> bytes | None:
    """The file, or enough of it to see that it is too large."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        report.error(
            Spot(1), f"the file cannot be read: {error.strerror}", "mend its permissions, or remove it"
        )
        return None


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)


def _misplaced(path: str) -> Problem:
    return Problem(
        path, 1, 1, "error", "a prompt file in the wrong place", "move it to <prompt>/<version>.yaml"
    )
