"""The command line of the suite; see the package and docs/benchmarks.md."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite import results
from benchmarks.suite.measure import FULL, QUICK
from benchmarks.suite.programs import programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.rounds import expected_s, run_rounds
from benchmarks.suite.tables import show_rounds
from cli.errors import CommandError

QUICK_ONES = ("ours", "bare")


def main() -> None:
    arguments = _parser().parse_args()
    try:
        asyncio.run(arguments.run(arguments, Console()))
    except CommandError as error:
        sys.exit(f"{error.message}\n{error.hint}".strip())
    except KeyboardInterrupt:
        sys.exit("interrupted; everything that was started is ended, nothing was written")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite",
        description="Measure this product and what people would use instead, on this machine.",
    )
    parser.set_defaults(run=_rounds, contenders=list(CONTENDERS.values()))
    parser.add_argument(
        "--quick", action="store_true",
        help="short rounds of ours and bare alone, within 5 minutes; latest.json stays as it is",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    _common(parser)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contenders", type=_contenders, metavar="A,B",
        help=f"only these, of {', '.join(CONTENDERS)}",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="default benchmarks/results/latest.json")


def _contenders(text: str) -> list[Contender]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise argparse.ArgumentTypeError(
            f"no such contender: {', '.join(unknown)}; there are {', '.join(CONTENDERS)}"
        )
    return [CONTENDERS[name] for name in names]


async def _rounds(arguments: argparse.Namespace, console: Console) -> None:
    plan, contenders, output = FULL, arguments.contenders, arguments.output or results.LATEST
    if arguments.quick:
        plan, output = QUICK, arguments.output
        if contenders == list(CONTENDERS.values()):
            contenders = [CONTENDERS[name] for name in QUICK_ONES]
        console.print(
            "quick: fewer and shorter rounds, no figures for the other contenders, nothing is written"
        )
    found = await programs(contenders, console)
    steps = Steps(console, expected_s(contenders, plan, arguments.rounds))
    async with steps.shown():
        rounds = await run_rounds(found, contenders, plan, arguments.rounds, steps)
    show_rounds(console, rounds)
    if output:
        results.write(output, "rounds", rounds=rounds)
        console.print(f"written: {output}; `python -m benchmarks.report` makes docs/benchmarks.md of it")


if __name__ == "__main__":
    main()
