"""The command line of the suite; see the package and docs/benchmarks.md."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite import faults, results, soak
from benchmarks.suite.command import run
from benchmarks.suite.entrants import Entrants
from benchmarks.suite.measure import FULL, QUICK
from benchmarks.suite.output import Output
from benchmarks.suite.programs import programs
from benchmarks.suite.progress import Steps, minutes
from benchmarks.suite.rounds import expected_s, run_rounds
from benchmarks.suite.tables import show_rounds
from benchmarks.suite.world import Redelivery

QUICK_ONES = "ours,bare"
ROUNDS = 3
"""As many as results/latest.json has at least."""
SOAK, QUICK_SOAK = 100_000, 10_000
SOAKED = 600.0
"""Events/s, for the clock that people see."""


def main() -> None:
    arguments = _arguments()
    what = {"rounds": _rounds, "faults": _faults, "soak": _soak}[arguments.what]
    kept = ", and what was complete is written" if arguments.output else ", nothing was written"
    run(partial(what, arguments), interrupted=kept)


def _arguments() -> argparse.Namespace:
    everybody = list(CONTENDERS.values())
    killed = [one for one in everybody if not one.variant_of]
    rounds, kills = expected_s(everybody, FULL, ROUNDS), faults.expected_s(killed, list(Redelivery))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite",
        description="Measure this product and what people would use instead, on this machine.",
        epilog=f"rounds: speed and cost, about {minutes(sum(rounds))}; faults: SIGKILL in mid-run, about "
        f"{minutes(sum(kills))}; soak: {SOAK:,} events through ours, about {minutes(SOAK / SOAKED)}.",
    )
    parser.add_argument("what", nargs="?", choices=("rounds", "faults", "soak"), default="rounds")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_ONES} alone where no others are named, and shorter; nothing is written",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"of rounds alone; default {ROUNDS}")
    parser.add_argument(
        "--contenders",
        type=_contenders,
        metavar="A,B",
        help=f"of rounds and faults, which leaves out variants of one program by itself; of {', '.join(CONTENDERS)}",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="instead of benchmarks/results/latest.json and docs/benchmarks.md, which is made of it",
    )
    arguments = parser.parse_args()
    if arguments.quick and arguments.output:
        parser.error("--quick writes nothing: leave out --output")
    if arguments.rounds is not None and arguments.what != "rounds":
        parser.error(f"--rounds is of rounds alone: {arguments.what} has none")
    if arguments.contenders and arguments.what == "soak":
        parser.error("--contenders is of rounds and faults: soak is of ours alone")
    arguments.rounds = ROUNDS if arguments.rounds is None else arguments.rounds
    if arguments.rounds < 1:
        parser.error("--rounds is 1 or more")
    if not arguments.contenders:
        all_of_them = killed if arguments.what == "faults" else everybody
        arguments.contenders = _contenders(QUICK_ONES) if arguments.quick else all_of_them
    if not arguments.quick:
        arguments.output = arguments.output or results.LATEST
    latest = arguments.output and arguments.output.resolve() == results.LATEST
    if arguments.rounds < ROUNDS and latest:
        parser.error(f"fewer than {ROUNDS} rounds are not for latest.json: --output FILE, or --quick")
    return arguments


def _contenders(text: str) -> list[Contender]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        there = ", ".join(CONTENDERS)
        raise argparse.ArgumentTypeError(f"no such contender: {', '.join(unknown)}; there are {there}")
    return [CONTENDERS[name] for name in dict.fromkeys(names)]


async def _rounds(arguments: argparse.Namespace, console: Console) -> None:
    plan = QUICK if arguments.quick else FULL
    found = await programs(arguments.contenders, console)
    output = Output(arguments.output, "rounds", found, console)
    steps = Steps(console, expected_s(arguments.contenders, plan, arguments.rounds))
    entrants = Entrants("rounds", arguments.contenders, found.unbuilt, steps)
    async with steps.shown():
        keep = partial(output.keep, failures=entrants.failures)
        rounds = await run_rounds(found, entrants, plan, arguments.rounds, steps, keep=keep)
    show_rounds(console, rounds)
    output.finish()
    entrants.require("ours")


async def _faults(arguments: argparse.Namespace, console: Console) -> None:
    settings = [Redelivery.SHIPPED] if arguments.quick else list(Redelivery)
    found = await programs(arguments.contenders, console)
    output = Output(arguments.output, "kills", found, console)
    steps = Steps(console, faults.expected_s(arguments.contenders, settings))
    entrants = Entrants("kills", arguments.contenders, found.unbuilt, steps)
    async with steps.shown():
        keep = partial(output.keep, failures=entrants.failures)
        await faults.run_faults(found, entrants, settings, steps, keep)
    output.finish()
    entrants.require("ours")


async def _soak(arguments: argparse.Namespace, console: Console) -> None:
    events = QUICK_SOAK if arguments.quick else SOAK
    found = await programs([CONTENDERS["ours"]], console)
    output = Output(arguments.output, "soak", found, console)
    steps = Steps(console, [events / SOAKED])
    async with steps.shown():
        steps.start(f"{events:,} events")
        result = await soak.run_soak(found, events, steps.say)
        steps.done(
            f"{result.lost} lost, {result.doubled} doubled; last tenth / first {result.last_to_first:.3f}, "
            f"{result.rss_slope_mb_per_10k:+.2f} MB per 10,000 events, Redis {result.redis_kb_per_event:.1f} kB an event"
        )
    output.keep(result, [])
    output.finish()


if __name__ == "__main__":
    main()
