"""The command line of the suite; see the package and docs/benchmarks.md."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite import faults, results, soak
from benchmarks.suite.command import run
from benchmarks.suite.measure import FULL, QUICK
from benchmarks.suite.programs import Programs, programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.rounds import expected_s, run_rounds
from benchmarks.suite.tables import show_rounds
from benchmarks.suite.world import Redelivery

QUICK_ONES = "ours,bare"
SOAK, QUICK_SOAK = 100_000, 10_000


def main() -> None:
    arguments = _arguments()
    what = {"rounds": _rounds, "faults": _faults, "soak": _soak}[arguments.what]
    run(partial(what, arguments), interrupted=", nothing was written")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite",
        description="Measure this product and what people would use instead, on this machine.",
        epilog="rounds: speed and cost; faults: SIGKILL in mid-run; soak: 100,000 events through ours.",
    )
    parser.add_argument("what", nargs="?", choices=("rounds", "faults", "soak"), default="rounds")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_ONES} alone, shorter, faults with our own broker settings only; nothing is written",
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default 3")
    parser.add_argument("--contenders", type=_contenders, metavar="A,B", help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: benchmarks/results/latest.json")
    arguments = parser.parse_args()
    arguments.contenders = arguments.contenders or _contenders(
        QUICK_ONES if arguments.quick else ",".join(CONTENDERS)
    )
    if not arguments.quick:
        arguments.output = arguments.output or results.LATEST
    return arguments


def _contenders(text: str) -> list[Contender]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        there = ", ".join(CONTENDERS)
        raise argparse.ArgumentTypeError(f"no such contender: {', '.join(unknown)}; there are {there}")
    return [CONTENDERS[name] for name in names]


async def _rounds(arguments: argparse.Namespace, console: Console) -> None:
    plan, contenders = QUICK if arguments.quick else FULL, arguments.contenders
    found = await programs(contenders, console)
    steps = Steps(console, expected_s(contenders, plan, arguments.rounds))
    async with steps.shown():
        rounds = await run_rounds(found, contenders, plan, arguments.rounds, steps)
    show_rounds(console, rounds)
    _write(arguments, console, found, rounds=rounds)


async def _faults(arguments: argparse.Namespace, console: Console) -> None:
    settings = [Redelivery.SHIPPED] if arguments.quick else list(Redelivery)
    found = await programs(arguments.contenders, console)
    steps = Steps(console, faults.expected_s(arguments.contenders, settings))
    async with steps.shown():
        kills = await faults.run_faults(found, arguments.contenders, settings, steps)
    _write(arguments, console, found, kills=kills)


async def _soak(arguments: argparse.Namespace, console: Console) -> None:
    events = QUICK_SOAK if arguments.quick else SOAK
    found = await programs([CONTENDERS["ours"]], console)
    steps = Steps(console, [events / 600])
    async with steps.shown():
        steps.start(f"{events:,} events")
        result = await soak.run_soak(found, events, steps.say)
        steps.done(
            f"{result.lost} lost, {result.doubled} doubled; last tenth / first {result.last_to_first:.3f}, "
            f"{result.rss_slope_mb_per_10k:+.2f} MB per 10,000 events, Redis {result.redis_kb_per_event:.1f} kB an event"
        )
    _write(arguments, console, found, soak=result)


def _write(arguments: argparse.Namespace, console: Console, found: Programs, **part: object) -> None:
    if arguments.output:
        results.write(arguments.output, found.redis_server, **part)
        console.print(
            f"written: {arguments.output}; `python -m benchmarks.report` makes docs/benchmarks.md of it"
        )
    else:
        left_out = "one-off noise may hide in short runs, and contenders not named above were left out"
        console.print(f"quick: nothing is written; {left_out}", highlight=False)


if __name__ == "__main__":
    main()
