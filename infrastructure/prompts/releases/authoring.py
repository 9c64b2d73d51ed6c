"""What authors do with versions: begin a draft, release it, deprecate a release. Each is done whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from domain.errors import PromptInvalid
from domain.prompt import Prompt
from domain.semver import precedence
from infrastructure.files.writing import one_at_a_time
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.releases.changes import Step, next_version
from infrastructure.prompts.releases.lock import Lock, Release, read_lock, write_lock
from infrastructure.prompts.releases.steps import too_small_steps
from infrastructure.prompts.shelf import Shelf, find_shelf, read_version

Gate: TypeAlias = Callable[[Path, str, Prompt], str | None]
"""Why a prompt of an agent may not be released, None when it may: called with the folder, the agent and the prompt."""


class NotReleasable(PromptInvalid):
    """What stands against a release, all of it: `problems` in files and the lock, `reasons` of gates."""

    def __init__(self, what: str, problems: Sequence[Problem], reasons: Sequence[str]) -> None:
        lines = "\n".join(f"  {one}" for one in (*problems, *reasons))
        super().__init__(f"{what} cannot be released, and nothing was changed:\n{lines}")
        self.problems = tuple(problems)
        self.reasons = tuple(reasons)


def begin_draft(
    root: Path,
    agent: str,
    prompt: str,
    step: Step | None,
    version: str | None = None,
    *,
    content: bytes | None = None,
) -> Path:
    """Copy the newest version of a prompt as a draft, `step` after it or under `version`; give the new file.

    `content` is what the draft holds instead of the copy.

    Raises:
        PromptInvalid: there is no such prompt, or the version is taken or none.

    """
    shelf, _ = find_shelf(root, agent, prompt, read_lock(root))
    newest = _newest(shelf)
    if version is None:
        version = next_version(newest, step or "minor")
    try:
        precedence(version)
    except ValueError as error:
        raise PromptInvalid(str(error)) from None
    path = shelf.path(version)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(shelf.path(newest).read_bytes() if content is None else content)
        os.link(draft, path)  # unlike a rename it refuses what is there
    except FileExistsError:
        raise PromptInvalid(f"{path} is there already: edit it, or choose another --version") from None
    finally:
        draft.unlink(missing_ok=True)
    return path


def release(
    root: Path, agent: str, prompt: str, version: str | None = None, *, gates: Sequence[Gate] = ()
) -> Release:
    """Write a draft, or the newest one, into the lock. What is released already stays as it is.

    Raises:
        NotReleasable: with everything that stands against it.
        PromptInvalid: there is no such version, or no draft.

    """
    with one_at_a_time(root):
        lock = read_lock(root)
        shelf, problems = find_shelf(root, agent, prompt, lock)
        version = version or _newest_draft(shelf)
        _require(shelf, version)
        if before := shelf.releases.get(version):
            if before.deprecated:
                cure = f"agents prompts new {shelf.title} --patch copies the newest version"
                raise PromptInvalid(f"{shelf.title} {version} is deprecated, which is for good: {cure}")
            return before
        read = read_version(shelf, version)
        against = [
            problem for problem in (*lock.problems, *problems, *read.problems) if problem.severity != "note"
        ]
        reasons: list[str] = []
        if read.prompt and not against:
            against += too_small_steps(shelf, more={version: read.prompt})
            reasons += [reason for gate in gates if (reason := gate(root, agent, read.prompt))]
        if read.prompt is None or against or reasons:
            raise NotReleasable(f"{shelf.title} {version}", against, reasons)
        new = Release((agent, prompt, version), read.prompt.content_hash)
        _write(lock, new)
        return new


def deprecate(root: Path, agent: str, prompt: str, version: str, because: str) -> Release:
    """Mark a release as one that nobody shall use any more; said twice, the last reason stands.

    Raises:
        PromptInvalid: there is no such release, or the lock cannot be used.

    """
    because = " ".join(because.split())
    with one_at_a_time(root):
        lock = read_lock(root)
        shelf, _ = find_shelf(root, agent, prompt, lock)
        if version not in shelf.releases:
            _require(shelf, version)
            path = shelf.path(version)
            raise PromptInvalid(f"{shelf.title} {version} is a draft, and was never released: remove {path}")
        if lock.problems:
            lines = "\n".join(f"  {problem}" for problem in lock.problems)
            raise PromptInvalid(f"{lock.path} cannot be used, and nothing was changed:\n{lines}")
        marked = replace(shelf.releases[version], deprecated=True, because=because)
        _write(lock, marked)
        return marked


def _write(lock: Lock, release: Release) -> None:
    write_lock(replace(lock, releases={**lock.releases, release.key: release}))


def _require(shelf: Shelf, version: str) -> None:
    if not shelf.states and not shelf.releases:
        raise PromptInvalid(f"there is no prompt {shelf.title} in {shelf.folder.parent.parent}")
    if version not in shelf.states and version not in shelf.releases:
        there = ", ".join(shelf.states) or "none"
        raise PromptInvalid(f"{shelf.title} has no version {version} (there are: {there})")


def _newest(shelf: Shelf) -> str:
    if not shelf.states:
        raise PromptInvalid(f"there is no prompt {shelf.title} in {shelf.folder.parent.parent}")
    return max(shelf.states, key=precedence)


def _newest_draft(shelf: Shelf) -> str:
    _newest(shelf)
    drafts = [version for version, state in shelf.states.items() if state == "draft"]
    if not drafts:
        raise PromptInvalid(
            f"{shelf.title} has no draft: `agents prompts new {shelf.title} --minor` begins one"
        )
    return drafts[-1]
