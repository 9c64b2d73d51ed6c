"""`docs/reliability.json` holds the figures of every row's latest run, `docs/reliability.md` shows them.

    python -m tests.faults.report [--check]

Rows are run and merged one at a time or all together; the prose around the tables is written by people.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from tests.faults.components import COMPONENTS
from tests.faults.figures import Figures
from tests.faults.rows import ROWS
from tests.integration.local.project import ROOT

DATA = ROOT / "docs" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `python -m tests.faults --report`, edits here are lost -->"
END = "<!-- end of figures -->"


class Entry(BaseModel):
    """One row's latest run, and what it ran on."""

    figures: Figures
    ran_on: str


class Report(BaseModel):
    """Rows by the components that they ran on."""

    on: dict[str, dict[str, Entry]] = {}


def merge(figures: Iterable[Figures], programs: dict[str, str]) -> None:
    """Replace these rows' figures, and write both files."""
    report = read()
    for one in figures:
        report.on.setdefault(one.on, {})[one.row] = Entry(figures=one, ran_on=_ran_on(programs))
    report.on = {
        components: {name: report.on[components][name] for name in ROWS if name in report.on[components]}
        for components in COMPONENTS
        if components in report.on
    }
    DATA.write_text(report.model_dump_json(indent=2, exclude_defaults=True) + "\n")
    PAGE.write_text(page(PAGE.read_text(), report))


def read() -> Report:
    return Report.model_validate_json(DATA.read_text()) if DATA.exists() else Report()


def page(text: str, report: Report) -> str:
    """The page with its tables made anew."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{tables(report)}\n{END}{after}"


def tables(report: Report) -> str:
    return "\n".join(part for components, rows in report.on.items() for part in _part(components, rows))


def _part(components: str, rows: Mapping[str, Entry]) -> list[str]:
    lines = [f"### On `components/{components}`", ""]
    lines += [*_table(_HEAD, [_cells(entry.figures) for entry in rows.values()]), ""]
    for name, entry in rows.items():
        row = ROWS[name]
        failed = [f"**failed: {problem}**" for problem in entry.figures.problems]
        said = [*failed, *entry.figures.notes, *([row.why_other_targets] if row.why_other_targets else [])]
        if said:
            lines.append(f"- **{name}**: {'; '.join(said)}.")
    reasons: dict[str, list[str]] = {}
    for row in ROWS.values():
        if why := row.absent.get(components):
            reasons.setdefault(why, []).append(f"**{row.name}**")
    lines += [f"- not among them: {', '.join(names)}: {why}." for why, names in reasons.items()]
    lines += ["", "Every row again:", ""]
    lines += _table(
        ["row", "command", "ran", "on"],
        [
            [name, f"`{entry.figures.command}`", entry.figures.at, entry.ran_on]
            for name, entry in rows.items()
        ],
    )
    return [*lines, ""]


_HEAD = [
    "row", "fault", "chains", "lost", "seen twice", "published again, same id", "notified again, same key",
    "model calls per event", "of recorded work", "dead letters", "the broker's own", "kills", "died of it", "back at work", "all done",
    "events/s",
]  # fmt: skip


def _cells(one: Figures) -> list[str]:
    return [
        one.row,
        ROWS[one.row].title,
        f"{one.chains:,}",
        str(one.lost),
        str(one.doubles),
        str(one.repeated_publications),
        str(one.repeated_effects),
        f"{one.calls_per_event:.2f}",
        str(one.calls_after_record),
        str(sum(one.dead_letters.values())),
        "–" if one.given_up is None else str(one.given_up),
        str(one.kills),
        str(sum(one.died.values())),
        _seconds(one.back),
        _seconds(one.last),
        f"{one.events_per_second:.0f}",
    ]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(cells)} |"
        for cells in (
            head,
            ["---"] * len(head),
            *([cell.replace("|", "\\|") for cell in row] for row in rows),
        )
    ]


def _ran_on(programs: dict[str, str]) -> str:
    named = ", ".join(f"{name} {version}" for name, version in programs.items())
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    at = f", commit {commit}" if commit else ""
    return f"{named}, Python {platform.python_version()}, {os.cpu_count()} cores{at}"


def main() -> None:
    made = page(PAGE.read_text(), read())
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif PAGE.read_text() != made:
        sys.exit(f"{Path('docs') / PAGE.name} differs from its figures: python -m tests.faults.report")


if __name__ == "__main__":
    main()
