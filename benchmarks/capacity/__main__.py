"""The command line of the capacity measurements; see the package and docs/capacity.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from rich.console import Console

from benchmarks.capacity import page, results
from benchmarks.capacity.parts import chain, counted, latency, limits, payload, replicas, side, width
from benchmarks.capacity.plan import FULL, QUICK, Plan
from benchmarks.capacity.results import Made, Results
from benchmarks.contenders import CONTENDERS
from benchmarks.report import __main__ as report
from benchmarks.suite.command import run
from benchmarks.suite.programs import Programs, programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import ROOT, commit, machine
from benchmarks.suite.rounds import CONTROL_S, DRIFT, control
from cli.errors import CommandError


class Part(Protocol):
    """A module of `parts/`."""

    def expected_s(self, plan: Plan, /) -> list[float]: ...

    def measure(self, programs: Programs, plan: Plan, say: Callable[[str], None], /) -> Awaitable[Any]: ...


PARTS: Mapping[str, Part] = {
    "counted": counted,
    "latency": latency,
    "payload": payload,
    "replicas": replicas,
    "chain": chain,
    "side": side,
    "width": width,
    "limits": limits,
}


def main() -> None:
    arguments = _arguments()
    if arguments.check:
        sys.exit(page.stale())
    run(partial(_measure, arguments), interrupted=", the part that ran is not written")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.capacity",
        description="Measure how cost grows and where the limits are; write docs/capacity.md.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="fewer points, shorter; the page is shown, nothing is written"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="measure nothing; exit 1 when docs/capacity.md is not what the figures give",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="measure nothing; write docs/capacity.md from the figures there are",
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return arguments


async def _measure(arguments: argparse.Namespace, console: Console) -> None:
    if arguments.page:
        page.write()
        return
    plan, names = QUICK if arguments.quick else FULL, arguments.parts or list(PARTS)
    when = f"{datetime.now(UTC).date().isoformat()}, commit {commit()}"
    found = await programs([CONTENDERS["ours"]], console)
    expected = [seconds for name in names for seconds in (sum(PARTS[name].expected_s(plan)), CONTROL_S)]
    steps = Steps(console, [CONTROL_S, *expected])
    glance = Results()
    async with steps.shown():
        before = await control(found, steps)
        for name in names:
            steps.start(name)
            measured = await steps.twice(partial(PARTS[name].measure, found, plan, steps.say))
            steps.done("measured")
            after = await control(found, steps)
            made = Made(when=when, machine=machine(), before=before, after=after)
            if made.drift > DRIFT:
                steps.note(f"{name}: the control run changed by {made.drift:.0%}, the machine is not quiet")
            if arguments.quick:
                glance = glance.replaced(name, measured, made)
            else:
                results.write(results.read().replaced(name, measured, made))
                _write_pages(steps)
            before = after
    if arguments.quick:
        console.out(page.page(glance), highlight=False)
        console.print("quick: nothing is written; the page would be the one above")
        return
    console.print(
        f"written: {results.CAPACITY.relative_to(ROOT)}, {page.DOCUMENT.relative_to(ROOT)}", highlight=False
    )


def _write_pages(steps: Steps) -> None:
    page.write()
    try:
        report.write()
    except CommandError as error:
        steps.note(f"{report.DOCUMENT.relative_to(ROOT)} is as before: {error.message}; {error.hint}")


if __name__ == "__main__":
    main()
