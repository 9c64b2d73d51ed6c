"""Where a run's results go: into a file, after each piece that is complete, so that whatever ends the run loses no other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from benchmarks.report import __main__ as report
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import LATEST, ROOT, Failure, Results, commit, machine, ratios, read, write
from benchmarks.suite.versions import versions
from cli.errors import CommandError


class Output:
    """One part of the file (`rounds`, `kills`, `soak`) is replaced. Without a path nothing is written."""

    def __init__(self, path: Path | None, part: str, programs: Programs, console: Console) -> None:
        self._path, self._part, self._console = path, part, console
        self._anything = False
        if path:
            self._others = _continued(path, machine(), versions(programs), console)

    def keep(self, value: object, failures: Sequence[Failure]) -> None:
        self._anything = self._anything or bool(value)
        if not self._path or not self._anything:
            return
        results = self._others.model_copy(update={self._part: value})
        made = f"{datetime.now(UTC).date().isoformat()}, commit {commit()}"
        update = {
            "made": {**results.made, self._part: made},
            "ratios": ratios(results.rounds),
            "failures": [one for one in results.failures if not one.what.startswith(f"{self._part}: ")]
            + list(failures),
        }
        write(self._path, results.model_copy(update=update))

    def finish(self) -> None:
        """Say what there is now; docs/benchmarks.md is made of latest.json."""
        if not self._anything:
            raise CommandError("nobody could be measured: nothing is written", hint="why is said above")
        if not self._path:
            told = "quick: nothing is written; noise may hide in short runs, and contenders not named above were left out"
        elif self._path.resolve() == LATEST:
            report.write()
            told = f"written: {LATEST.relative_to(ROOT)}, docs/benchmarks.md and its plots"
        else:
            told = f"written: {self._path}"
        self._console.print(told, highlight=False, markup=False)


def _continued(path: Path, machine: dict[str, str], versions: dict[str, str], console: Console) -> Results:
    """What the file has, if it was made here and with the same versions: figures that differ in that are not put together."""
    fresh = Results(machine=machine, versions=versions)
    try:
        found = read(path)
    except ValidationError:
        why = "is of another version of the benchmarks"
    else:
        if (found.machine, found.versions) == (machine, versions) or found == Results():
            return found.model_copy(update={"machine": machine, "versions": versions})
        why = "is of another machine" if found.machine != machine else "was made with other versions"
    console.print(f"{path} {why}: it will begin anew, with this run alone", highlight=False, markup=False)
    return fresh
