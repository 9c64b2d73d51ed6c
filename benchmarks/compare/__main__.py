"""Compare the working tree with another version, or with itself under other settings.

The takes are those of the suite, one of each side in a round and in the other order in the next, so that a noisy machine
hurts all alike. A side brings its code, prompts, components and Python packages; Dapr, Redis and the load are those of
the working tree.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.compare.rows import LEAST_ROUNDS, Row, rows
from benchmarks.compare.sides import OURS, Side, changed, commit_of, traced, version
from benchmarks.suite.command import run
from benchmarks.suite.measure import FULL, QUICK, Plan, take
from benchmarks.suite.programs import Programs, programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Take, machine
from benchmarks.suite.tables import told

NOW = "working tree"


def main() -> None:
    run(partial(_run, _arguments()), interrupted=", the checkout is removed")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Run the benchmark's take of this product from the working tree and from another version in turn, "
        "and say what is better, what is worse, and what cannot be told.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("ref", nargs="?", metavar="REF", help="a branch, a tag or a commit")
    what.add_argument(
        "--traces",
        action="store_true",
        help="the working tree with traces on, and with one in ten, against off",
    )
    what.add_argument(
        "--env",
        action="append",
        type=_setting,
        metavar="NAME=VALUE",
        help="the working tree with this setting, against without; may be given several times",
    )
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, metavar="N", help="default and least: 3")
    parser.add_argument(
        "--quick", action="store_true", help="shorter takes, which tell less, and nothing of p99"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write takes, ratios and verdicts there")
    arguments = parser.parse_args()
    if arguments.rounds < LEAST_ROUNDS:
        parser.error(f"fewer rounds cannot tell noise from a difference: --rounds is {LEAST_ROUNDS} or more")
    return arguments


def _setting(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not name or not given:
        raise argparse.ArgumentTypeError(f"{text!r} is no setting: write NAME=VALUE")
    return name, value


async def _run(arguments: argparse.Namespace, console: Console) -> None:
    if arguments.ref is not None:
        commit_of(arguments.ref)  # before anything is built
    plan = QUICK if arguments.quick else FULL
    found = await programs([OURS], console)
    async with _sides(arguments, found, console) as sides:
        steps = Steps(console, [plan.expected_s(OURS)] * len(sides) * arguments.rounds)
        async with steps.shown():
            takes = await _takes(found, sides, plan, arguments.rounds, steps)
    first, *others = sides
    compared = {one.name: rows(takes[first.name], takes[one.name]) for one in others}
    for name, table in compared.items():
        _show(console, first.name, name, table)
    if arguments.json:
        arguments.json.write_text(json.dumps(_document(takes, compared), indent=1) + "\n")
        console.print(f"written: {arguments.json}", highlight=False, markup=False)


@asynccontextmanager
async def _sides(
    arguments: argparse.Namespace, found: Programs, console: Console
) -> AsyncIterator[list[Side]]:
    """The first is what the others are compared with."""
    if arguments.traces:
        async with traced(found) as sides:
            yield sides
    elif arguments.env:
        yield changed(dict(arguments.env))
    else:
        async with version(arguments.ref, console) as old:
            yield [old, Side(NOW)]


async def _takes(
    found: Programs, sides: Sequence[Side], plan: Plan, rounds: int, steps: Steps
) -> dict[str, list[Take]]:
    takes: dict[str, list[Take]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in reversed(sides) if number % 2 else sides:
            steps.start(f"round {number + 1} of {rounds}, {side.name}")
            result = await steps.twice(partial(take, found, side.contender, plan, steps.say))
            steps.done(told(result))
            takes[side.name].append(result)
    return takes


def _show(console: Console, old: str, new: str, table: Sequence[Row]) -> None:
    old, new = escape(old), escape(new)
    shown = Table("", old, new, "ratio", "of the rounds", "", title=f"{new} / {old}")
    for row in table:
        spread = f"{min(row.ratios):.3f} … {max(row.ratios):.3f}"
        shown.add_row(row.title, row.old, row.new, f"{row.ratio:.3f}", spread, row.verdict)
    console.print(shown)


def _document(takes: dict[str, list[Take]], compared: dict[str, list[Row]]) -> dict[str, Any]:
    return {
        "machine": machine(),
        "takes": {name: [one.model_dump() for one in of] for name, of in takes.items()},
        "compared": {
            name: {row.title: {"ratios": row.ratios, "verdict": row.verdict} for row in table}
            for name, table in compared.items()
        },
    }


if __name__ == "__main__":
    main()
