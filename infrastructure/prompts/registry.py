"""The prompts of one agent from its folder: `<prompt>/<semantic version>.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from domain.errors import PromptInvalid
from domain.prompt import Prompt
from domain.semver import is_prerelease, precedence
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.prompts.file import MAX_FILE, PromptFile, read_prompt

_SHOWN = 20


class FolderRegistry:
    """`problems` are the warnings and notes that did not stop the loading: worth a line in the log each."""

    def __init__(self, folder: Path, prompts: Sequence[Prompt], problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self._folder = folder
        self._prompts = sorted(prompts, key=lambda prompt: (prompt.name, precedence(prompt.version)))
        self._newest = {prompt.name: prompt for prompt in self._prompts if not is_prerelease(prompt.version)}

    def get(self, name: str) -> Prompt:
        try:
            return self._newest[name]
        except KeyError:
            there = ", ".join(self._newest) or "none"
            raise PromptInvalid(
                f"there is no prompt {name} in {self._folder} (there are: {there}): add {self._folder / name}/1.0.0.yaml",
                file=str(self._folder / name),
            ) from None

    def all(self) -> Sequence[Prompt]:
        return tuple(self._prompts)


def load_prompts(folder: Path) -> FolderRegistry:
    """Read the prompts of one agent. A folder that does not exist holds none.

    Raises:
        PromptInvalid: naming every error of every file.

    """
    files = list(_read_agent(folder)) if folder.is_dir() else []
    problems = [problem for file in files for problem in file.problems]
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        shown = "\n".join(f"  {error}" for error in errors[:_SHOWN])
        more = f"\n  and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise PromptInvalid(
            f"the prompts in {folder} cannot be used ({len(errors)} error{'s' if len(errors) > 1 else ''}):\n{shown}{more}",
            problems=[asdict(error) for error in errors],
        )
    return FolderRegistry(folder, [file.prompt for file in files if file.prompt], problems)


def check_folder(folder: Path) -> list[Problem]:
    """Everything that is wrong with the prompts of all agents: `<agent>/<prompt>/<semantic version>.yaml`."""
    if not folder.is_dir():
        return [
            Problem(
                str(folder),
                1,
                1,
                "error",
                "there is no such folder",
                "name the folder that holds the agents' prompts",
            )
        ]
    problems: list[Problem] = []
    for path in _visible(folder):
        if path.is_dir():
            problems += [problem for file in _read_agent(path) for problem in file.problems]
        elif path.suffix in (".yaml", ".yml"):
            problems.append(_misplaced(path, "<agent>/<prompt>/<version>.yaml"))
    return problems


def _read_agent(folder: Path) -> Iterator[PromptFile]:
    for path in _visible(folder):
        if path.is_dir():
            for file in _visible(path):
                if file.suffix in (".yaml", ".yml"):
                    yield _read_file(file, path.name)
        elif path.suffix in (".yaml", ".yml"):
            yield PromptFile(None, (_misplaced(path, "<prompt>/<version>.yaml"),))


def _read_file(path: Path, name: str) -> PromptFile:
    report = Report(str(path))
    try:
        precedence(path.stem)
    except ValueError as error:
        report.error(Spot(1), f"the file's name: {error}", "name it by its version, such as 1.0.0.yaml")
    if path.suffix == ".yml":
        report.error(Spot(1), "the file's name ends with .yml", f"name it {path.stem}.yaml")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        report.error(
            Spot(1), f"the file cannot be read: {error.strerror}", "mend its permissions, or remove it"
        )
        return PromptFile(None, tuple(report.problems))
    read = read_prompt(raw, file=str(path), name=name, version=path.stem)
    return PromptFile(None if report.has_errors else read.prompt, (*report.problems, *read.problems))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _misplaced(path: Path, where: str) -> Problem:
    return Problem(str(path), 1, 1, "error", "a prompt file in the wrong place", f"move it to {where}")
