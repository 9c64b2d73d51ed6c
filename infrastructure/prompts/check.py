"""Print everything that is wrong with the prompt files: `python -m infrastructure.prompts.check prompts --release`.

Exit status: 0 fine, 1 errors (with --release warnings as well), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.releases.lock import Lock, read_lock
from infrastructure.prompts.releases.steps import too_small_steps
from infrastructure.prompts.shelf import Shelf, find_shelves, read_version


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.prompts.check", description="Check prompt files."
    )
    parser.add_argument("folder", type=Path, help="the folder that holds <agent>/<prompt>/<version>.yaml")
    parser.add_argument(
        "--release", action="store_true", help="fail on warnings too: what they name cannot be released"
    )
    options = parser.parse_args(arguments)
    problems = check_folder(options.folder)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    fatal = {"error", "warning"} if options.release else {"error"}
    return 1 if any(problem.severity in fatal for problem in problems) else 0


def check_folder(folder: Path) -> list[Problem]:
    """The problems of `<agent>/<prompt>/<semantic version>.yaml` and of the lock, errors and warnings and notes.

    What is wrong with a deprecated version is a note: its file may not be mended, and nothing new uses it.
    """
    if not folder.is_dir():
        cure = "name the folder that holds the agents' prompts"
        return [Problem(str(folder), 1, 1, "error", "there is no such folder", cure)]
    lock = read_lock(folder)
    problems = list(lock.problems)
    agents = {key[0] for key in lock.releases}
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        if path.is_dir():
            agents.discard(path.name)
            problems += _check_agent(path, lock)
        elif path.suffix in (".yaml", ".yml"):
            cure = "move it to <agent>/<prompt>/<version>.yaml"
            problems.append(Problem(str(path), 1, 1, "error", "a prompt file in the wrong place", cure))
    for agent in sorted(agents):
        problems.append(
            Problem(
                str(folder / agent),
                1,
                1,
                "error",
                f"the folder of the agent {agent} is gone, and {lock.path} names releases in it",
                f"bring it back (git checkout -- {folder / agent}); when the agent is gone for good, remove its lines from the lock",
            )
        )
    return problems


def _check_agent(folder: Path, lock: Lock) -> Iterator[Problem]:
    shelves, problems = find_shelves(folder, lock)
    yield from problems
    for shelf in shelves:
        yield from _check_versions(shelf, {(problem.file, problem.text) for problem in problems})
        yield from too_small_steps(shelf)


def _check_versions(shelf: Shelf, told: set[tuple[str, str]]) -> Iterator[Problem]:
    for version, state in shelf.states.items():
        for problem in read_version(shelf, version).problems:
            if (problem.file, problem.text) not in told:
                yield replace(problem, severity="note") if state == "deprecated" else problem


if __name__ == "__main__":
    sys.exit(main())
