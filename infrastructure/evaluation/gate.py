"""The gate before a release: it was measured, with these very files, and is not worse than what it replaces. No model is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Final

from domain.errors import PromptInvalid
from domain.semver import precedence
from infrastructure.evaluation import record
from infrastructure.evaluation.cases import CaseFile
from infrastructure.evaluation.compare import compare
from infrastructure.evaluation.record import Record, RecordInvalid
from infrastructure.evaluation.subjects import CasesInvalid, Subject, Unknown, load
from infrastructure.prompts.releases.lock import Release, read_lock

ROUNDING: Final = 0.0002
"""What rounding to four digits may change in a mean."""


def why_not(folder: Path, agent: str, prompt: str, version: str) -> str | None:
    """Why a version must not be released, with what to do about it; None when it may.

    `folder` holds `<agent>/<prompt>` and `prompts.lock`. It needs a record of these very files, and one of its predecessor
    (the highest release below it that is not deprecated) by the same cases and the same model, which its score does
    not fall below by more than the margin in cases.yaml.
    """
    try:
        return _why_not(folder, f"{agent}/{prompt}", version)
    except CasesInvalid as error:
        return f"the cases of {agent}/{prompt} cannot be used:\n{error}"
    except (Unknown, RecordInvalid, PromptInvalid) as error:
        return str(error)


def why_stale(subject: Subject, measured: Record | None) -> str | None:
    """Why a record is none of these files."""
    name, version = subject.name, subject.prompt.version
    wrong = _why_stale(subject, measured, f"{name} {version}")
    return f"{wrong}: run `agents prompts eval {name} --version {version} --record`" if wrong else None


def why_worse(measured: Record, earlier: Record, cases: CaseFile) -> str | None:
    """Why a version is worse than its predecessor, by records of the same cases and model."""
    if measured.score + cases.margin + ROUNDING >= earlier.score:
        return None
    found = compare(earlier.scores, measured.scores)
    worst = sorted(measured.scores, key=lambda case: measured.scores[case] - earlier.scores.get(case, 0))
    return (
        f"{measured.prompt} {measured.version} scores {measured.score:.2f}, {earlier.version} {earlier.score:.2f}: "
        f"the margin of {cases.margin:g} in cases.yaml is passed ({found}; worst: {', '.join(worst[:3])}): "
        "mend the prompt; widen the margin only if the loss is meant"
    )


def is_comparable(measured: Record, earlier: Record | None) -> bool:
    return earlier is not None and _why_incomparable(measured, earlier, "") is None


def predecessor(of_prompt: Mapping[str, Release], version: str) -> str | None:
    """The highest release below a version; deprecated ones only when there is no other."""
    below = [one for one in of_prompt if precedence(one) < precedence(version)]
    in_use = [one for one in below if not of_prompt[one].deprecated]
    return max(in_use or below, key=precedence, default=None)


def _why_not(folder: Path, name: str, version: str) -> str | None:
    subject = load(folder, name, version)
    measured = record.read(subject.folder, version)
    stale = why_stale(subject, measured)
    before = predecessor(read_lock(folder).of(subject.agent, subject.prompt.name), version)
    if stale or measured is None or before is None:
        return stale
    earlier = record.read(subject.folder, before)
    incomparable = _why_incomparable(measured, earlier, before)
    if incomparable or earlier is None:
        return f"{incomparable}: measure both, {_both(name, before, version)}"
    return why_worse(measured, earlier, subject.cases)


def _why_stale(subject: Subject, measured: Record | None, what: str) -> str | None:
    if measured is None:
        return f"{what} has no evaluation record"
    recorded = f"{measured.prompt} {measured.version}"
    known = {case.id for case in subject.cases.cases}
    complete = measured.scores.keys() == known and measured.n == len(known)
    reasons = {
        f"the evaluation record of {what} is one of {recorded}": recorded != what,
        f"{what} was changed since it was evaluated": measured.prompt_hash != subject.prompt.content_hash,
        f"the cases of {subject.name} were changed since {subject.prompt.version} was evaluated": (
            measured.cases_hash != subject.cases.content_hash
        ),
        f"the evaluation record of {what} is not of all cases": not complete,
        f"the evaluation record of {what} was edited, its score is not the mean of its cases": (
            complete and abs(fmean(measured.scores.values()) - measured.score) > ROUNDING
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _why_incomparable(measured: Record, earlier: Record | None, before: str) -> str | None:
    if earlier is None:
        return f"its predecessor {before} has no evaluation record"
    if earlier.cases_hash != measured.cases_hash:
        return f"its predecessor {before} was evaluated by other cases"
    if earlier.model != measured.model:
        return f"its predecessor {before} was evaluated with {earlier.model}, this with {measured.model}"
    if earlier.judge != measured.judge:
        return f"its predecessor {before} was judged by {earlier.judge or 'no model'}, this by {measured.judge or 'no model'}"
    if earlier.repeat != measured.repeat:
        return f"its predecessor {before} was evaluated with --repeat {earlier.repeat}, this with {measured.repeat}"
    return None


def _both(name: str, before: str, version: str) -> str:
    return " and ".join(f"`agents prompts eval {name} --version {one} --record`" for one in (before, version))
