"""Whether each release is a large enough step after the one before it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from domain.errors import PromptInvalid
from domain.prompt import Prompt
from domain.semver import is_prerelease, precedence
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.releases.changes import (
    STEPS,
    Step,
    changes,
    needed_step,
    next_version,
    step_between,
)
from infrastructure.prompts.shelf import Shelf, read_version


def predecessor(version: str, releases: Collection[str]) -> str | None:
    """The newest release before a version; what leads up to a release (a pre-release) is nobody's predecessor."""
    before = [
        one
        for one in releases
        if not is_prerelease(one) and precedence(one) < precedence(_release_of(version))
    ]
    return max(before, key=precedence, default=None)


def least_version(old: str, step: Step, taken: Collection[str]) -> str:
    """The version that a step after `old` should have, and that no file has yet."""
    version = next_version(old, step)
    while version in taken:
        version = next_version(max(taken, key=precedence), step)
    return version


def too_small_step(old: Prompt, new: Prompt, path: Path, taken: Collection[str]) -> Problem | None:
    """What is wrong with the number of `new` as the release after `old`."""
    found = changes(old, new)
    needed = needed_step(found)
    step = step_between(old.version, _release_of(new.version))
    if old.version.startswith("0.") and needed == "major":
        needed = "minor"  # https://semver.org, item 4: below 1.0.0 anything may change
    if STEPS.index(step) >= STEPS.index(needed):
        return None
    reasons = "; ".join(change.text for change in found if STEPS.index(change.step) > STEPS.index(step))
    return Problem(
        str(path),
        1,
        1,
        "error",
        f"{new.version} is a {step} step after {old.version}, and this is a {needed} change: {reasons}",
        f"name it {least_version(old.version, needed, taken)}",
    )


def too_small_steps(shelf: Shelf, *, more: Mapping[str, Prompt] | None = None) -> Iterator[Problem]:
    """Of all releases of a prompt; `more` are versions that shall become releases. What cannot be read is told elsewhere."""
    prompts = dict(more or {})
    releases = [version for version, state in shelf.states.items() if state != "draft" or version in prompts]
    for version in releases:
        before = predecessor(version, releases)
        if before is None:
            continue
        try:
            old, new = (_read(shelf, one, prompts) for one in (before, version))
        except PromptInvalid:
            continue
        if problem := too_small_step(old, new, shelf.path(version), shelf.states):
            yield problem


def _read(shelf: Shelf, version: str, read: dict[str, Prompt]) -> Prompt:
    if version not in read:
        file = read_version(shelf, version)
        if file.prompt is None:
            raise PromptInvalid(f"{shelf.path(version)} cannot be used")
        read[version] = file.prompt
    return read[version]


def _release_of(version: str) -> str:
    return version.partition("-")[0]
