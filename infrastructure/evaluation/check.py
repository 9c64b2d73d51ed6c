"""Print everything that is wrong with case files and evaluation records: `python -m infrastructure.evaluation.check prompts`.

No model is asked. Exit status: 0 fine, 1 problems, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from domain.errors import PromptInvalid
from domain.semver import precedence
from infrastructure.evaluation import record
from infrastructure.evaluation.cases import FILE
from infrastructure.evaluation.gate import is_comparable, predecessor, why_stale, why_worse
from infrastructure.evaluation.record import Record, RecordInvalid
from infrastructure.evaluation.subjects import CasesInvalid, Subject, Unknown, load, prompts_in, versions_of
from infrastructure.prompts.releases.lock import Release, read_lock

LEAST_CASES = 8


def problems_in(folder: Path) -> Iterator[str]:
    """Case files that cannot be used, and releases without the record that allows them."""
    lock = read_lock(folder)
    for name in prompts_in(folder):
        agent, prompt = name.split("/")
        released = lock.of(agent, prompt)
        if not (folder / name / FILE).exists():
            if released:
                yield f"{folder / name}: released without cases: write {FILE} (docs/evaluation.md)"
            continue
        try:
            subject = load(folder, name)
        except CasesInvalid as error:
            yield from map(str, error.problems)
            continue
        except (PromptInvalid, Unknown) as error:
            yield str(error)
            continue
        if released and len(subject.cases.cases) < LEAST_CASES:
            count = len(subject.cases.cases)
            yield f"{folder / name / FILE}:1:1: error: {count} cases — write at least {LEAST_CASES} for a release"
        yield from _records(folder, name, released)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.evaluation.check",
        description="Check the case files of prompts and the evaluation records of their releases.",
    )
    parser.add_argument("folder", type=Path, help="the folder that holds <agent>/<prompt>/cases.yaml")
    folder = parser.parse_args(arguments).folder
    if not folder.is_dir():
        sys.stdout.write(f"{folder}: there is no such folder\n")
        return 1
    found = list(problems_in(folder))
    sys.stdout.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


def _records(folder: Path, name: str, released: Mapping[str, Release]) -> Iterator[str]:
    """Of the newest release everything must be as it was measured; earlier ones were measured by the cases of their time."""
    there = set(versions_of(folder / name))
    in_order = sorted((one for one in released if one in there), key=precedence)
    for version in in_order:
        file = record.path_of(folder / name, version)
        try:
            measured = record.read(folder / name, version)
            subject = load(folder, name, version)
        except (RecordInvalid, PromptInvalid, CasesInvalid, Unknown) as error:
            yield str(error)
            continue
        if version == in_order[-1]:
            if wrong := why_stale(subject, measured) or _why_worse(subject, measured, released):
                yield f"{file}: {wrong}"
        elif measured is None or measured.prompt_hash != subject.prompt.content_hash:
            run = f"run `agents prompts eval {name} --version {version} --record`"
            yield f"{file}: no evaluation record of this release: {run}"


def _why_worse(subject: Subject, measured: Record | None, released: Mapping[str, Release]) -> str | None:
    before = predecessor(released, subject.prompt.version)
    try:
        earlier = record.read(subject.folder, before) if before else None
    except RecordInvalid:  # told as a problem of its own
        return None
    if measured is None or earlier is None or not is_comparable(measured, earlier):
        return None
    return why_worse(measured, earlier, subject.cases)


if __name__ == "__main__":
    sys.exit(main())
