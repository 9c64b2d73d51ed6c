"""What is evaluated: one version of a prompt, and the cases it is measured by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.errors import PromptInvalid
from domain.prompt import Prompt
from domain.semver import is_prerelease, precedence
from infrastructure.evaluation.cases import FILE, MAX_FILE, CaseFile, read_cases
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.reading.file import read_prompt


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
    return sorted((file.stem for file in folder.glob("*.yaml") if _is_version(file.stem)), key=precedence)


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
    versions = versions_of(folder)
    if not versions:
        raise Unknown(f"there is no prompt in {folder}")
    if version is None:
        version = next((one for one in reversed(versions) if not is_prerelease(one)), versions[-1])
    elif version not in versions:
        raise Unknown(f"there is no version {version} in {folder}; there are {', '.join(versions)}")
    file = folder / f"{version}.yaml"
    read = read_prompt(file.read_bytes(), file=str(file), name=folder.name, version=version)
    if read.prompt is None:
        listed = "\n".join(f"  {problem}" for problem in read.problems if problem.severity == "error")
        raise PromptInvalid(f"{file} cannot be used:\n{listed}", file=str(file))
    return read.prompt


def _is_version(text: str) -> bool:
    try:
        precedence(text)
    except ValueError:
        return False
    return True
