"""The prompts of one agent from its folder: `<prompt>/<semantic version>.yaml`, and `prompts.lock` beside the folder.

What is checked when a registry is made: every released file is the one that was released (its hash), files are where they
belong, and drafts that are served compile. A release was checked in full when it was released, so it is compiled when it
is asked for. The host names the prompts that its agent declares, for an agent can ask no other: it asks for each of them
before it starts anything, and drafts of others are not compiled.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from domain.errors import PromptInvalid
from domain.prompt import Prompt, PromptState, PromptVersion
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.releases.lock import read_lock
from infrastructure.prompts.shelf import Shelf, find_shelves, read_version

log = logging.getLogger(__name__)

_SHOWN = 20


class FolderRegistry:
    """`problems` are the warnings and notes that did not stop the loading."""

    def __init__(
        self,
        folder: Path,
        shelves: Iterable[Shelf],
        compiled: Iterable[Prompt] = (),
        problems: Sequence[Problem] = (),
    ) -> None:
        self.problems = tuple(problems)
        self._folder = folder
        self._shelves = {shelf.name: shelf for shelf in shelves}
        self._compiled = {(prompt.name, prompt.version): prompt for prompt in compiled}
        self._served: dict[str, Prompt] = {}

    def get(self, name: str) -> Prompt:
        if served := self._served.get(name):
            return served
        shelf = self._shelves.get(name)
        if shelf is None or shelf.served is None:
            there = ", ".join(one.name for one in self._shelves.values() if one.served) or "none"
            raise PromptInvalid(
                f"there is no prompt {name} in {self._folder} (there are: {there}): add {self._folder / name}/1.0.0.yaml",
                file=str(self._folder / name),
            )
        served = self._served[name] = self.version(name, shelf.served)
        return served

    def version(self, name: str, version: str) -> Prompt:
        self.state(name, version)
        if (name, version) not in self._compiled:
            self._compiled[name, version] = compile_version(self._shelves[name], version)
        return self._compiled[name, version]

    def state(self, name: str, version: str) -> PromptState:
        states = self._shelves[name].states if name in self._shelves else {}
        if version not in states:
            there = ", ".join(states) or "none"
            raise PromptInvalid(
                f"there is no version {version} of the prompt {name} (there are: {there}): "
                f"`agents prompts list {self._folder.name}/{name}` shows them"
            )
        return states[version]

    def versions(self) -> Sequence[PromptVersion]:
        return tuple(
            PromptVersion(
                shelf.name,
                version,
                state,
                served=version == shelf.served,
                because=shelf.releases[version].because or None if version in shelf.releases else None,
            )
            for shelf in self._shelves.values()
            for version, state in shelf.states.items()
        )

    def all(self) -> Sequence[Prompt]:
        return tuple(
            self._compiled.get((shelf.name, version)) or compile_version(shelf, version)
            for shelf in self._shelves.values()
            for version in shelf.states
        )


def load_prompts(
    folder: Path, *, drafts: bool = False, declared: Collection[str] | None = None
) -> FolderRegistry:
    """The prompts of one agent; a folder that does not exist holds none.

    `drafts` are served where they are newer than releases; those that are served are compiled at once, of the `declared`
    prompts or of all.

    Raises:
        PromptInvalid: naming every error of every file.

    """
    if not folder.is_dir():
        return FolderRegistry(folder, [])
    lock = read_lock(folder.parent)
    shelves, problems = find_shelves(folder, lock, drafts=drafts)
    problems = [*lock.problems, *problems]
    compiled: list[Prompt] = []
    for shelf in shelves:
        if shelf.served and shelf.states[shelf.served] == "draft" and _among(shelf, declared):
            file = read_version(shelf, shelf.served)
            problems += file.problems
            compiled += [file.prompt] if file.prompt else []
    problems.sort(key=lambda problem: (problem.file, problem.line, problem.column))
    if any(problem.severity == "error" for problem in problems):
        raise _refused(f"the prompts in {folder}", problems)
    for shelf in shelves:
        if _among(shelf, declared):
            _tell(shelf)
    for problem in problems:
        log.log(logging.WARNING if problem.severity == "warning" else logging.INFO, "%s", problem)
    return FolderRegistry(folder, shelves, compiled, problems)


def compile_version(shelf: Shelf, version: str) -> Prompt:
    """One version of a prompt, checked. Raise `PromptInvalid` with everything that is wrong with it."""
    file = read_version(shelf, version)
    if file.prompt is None:
        raise _refused(f"the prompt {shelf.title} {version}", file.problems)
    return file.prompt


def _among(shelf: Shelf, declared: Collection[str] | None) -> bool:
    return declared is None or shelf.name in declared


def _tell(shelf: Shelf) -> None:
    """What is served though it is no release."""
    served = shelf.served
    if served is None or shelf.states[served] == "released":
        return
    if shelf.states[served] == "deprecated":
        because = shelf.releases[served].because
        log.warning(
            "%s %s is deprecated%s and served, for there is nothing else: "
            "release another version (agents prompts new %s --minor)",
            shelf.title, served, f" ({because})" if because else "", shelf.title,
        )  # fmt: skip
    elif shelf.releases:
        log.info("%s %s is a draft, and served because AGENTS_PROMPT_DRAFTS is set", shelf.title, served)
    else:
        log.warning(
            "%s %s is a draft, and served because nothing of it is released: agents prompts release %s %s",
            shelf.title, served, shelf.title, served,
        )  # fmt: skip


def _refused(what: str, problems: Sequence[Problem]) -> PromptInvalid:
    errors = [problem for problem in problems if problem.severity == "error"]
    shown = "\n".join(f"  {error}" for error in errors[:_SHOWN])
    more = f"\n  and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
    count = f"{len(errors)} error{'s' if len(errors) > 1 else ''}"
    return PromptInvalid(
        f"{what} cannot be used ({count}):\n{shown}{more}",
        problems=[asdict(error) for error in errors],
    )
