"""What is evaluated: one version of a prompt, and the cases it is measured by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.prompt import Prompt
from domain.semver import is_prerelease
from infrastructure.evaluation.cases import FILE, MAX_FILE, CaseFile, read_cases
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.registry import compile_version
from infrastructure.prompts.releases.lock import read_lock
from infrastructure.prompts.shelf import Shelf, find_shelf


class Unknown(LookupError):
    """There is no such prompt or version: the message says what there is."""


class CasesInvalid(Exception):
    """A case file that cannot be used."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Subject:
    """`folder` is the prompt's own: `prompts/<agent>/<prompt>`."""

    folder: Path
    agent: str
    prompt: Prompt
    cases: CaseFile

    @property
    def name(self) -> str:
        return f"{self.agent}/{self.prompt.name}"


def prompts_in(folder: Path) -> Iterator[str]:
    """`<agent>/<prompt>` of every prompt in a folder."""
    for place in sorted(folder.glob("*/*")):
        if versions_of(place):
            yield f"{place.parent.name}/{place.name}"


def versions_of(folder: Path) -> list[str]:
    """The versions of one prompt, in ascending order."""
    return list(_shelf(folder).states)


def load(folder: Path, name: str, version: str | None = None) -> Subject:
    """Read a version of the prompt `<agent>/<prompt>` (None: the newest that is no pre-release) and its cases.

    The cases must fit this version, or the newest: an older one may lack a variable or a property that they name.

    Raises:
        Unknown, CasesInvalid, PromptInvalid

    """
    place = folder / name
    prompt = load_prompt(place, version)
    file = place / FILE
    try:
        raw = file.read_bytes() if file.stat().st_size <= MAX_FILE else b" " * (MAX_FILE + 1)
    except OSError:
        raise Unknown(f"{name} has no cases: write {file} (docs/evaluation.md)") from None
    read = read_cases(raw, file=str(file), prompt=prompt)
    newest = (
        read if version is None or read.cases else read_cases(raw, file=str(file), prompt=load_prompt(place))
    )
    cases = read.cases or newest.cases
    if cases is None:
        raise CasesInvalid(newest.problems)
    return Subject(place, place.parent.name, prompt, cases)


def load_prompt(folder: Path, version: str | None = None) -> Prompt:
    """Raises Unknown or PromptInvalid."""
    shelf = _shelf(folder)
    versions = list(shelf.states)
    if not versions:
        raise Unknown(f"there is no prompt in {folder}")
    if version is None:
        version = next((one for one in reversed(versions) if not is_prerelease(one)), versions[-1])
    elif version not in versions:
        raise Unknown(f"there is no version {version} in {folder}; there are {', '.join(versions)}")
    return compile_version(shelf, version)


def _shelf(folder: Path) -> Shelf:
    agent = folder.parent
    shelf, _ = find_shelf(agent.parent, agent.name, folder.name, read_lock(agent.parent))
    return shelf
