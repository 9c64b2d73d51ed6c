"""Play seeds, and show what went wrong: a trace of virtual time, process, event.

python -m tests.simulation 4711                          one seed, with its trace
python -m tests.simulation --seeds 0..1000               many; the first that fails is shown with its trace
python -m tests.simulation --seeds 0..500 --mutant no-pulse    the runtime broken on purpose, until that is noticed
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from contextlib import nullcontext

from tests.simulation.mutants import MUTANTS
from tests.simulation.play import play
from tests.simulation.trace import logs_in, quietly, trace


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: nothing was violated; 1: something was; 2: wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("seed", nargs="?", type=int, help="play this one and print its trace")
    parser.add_argument("--seeds", metavar="A..B", help="play A and those up to, but without, B")
    parser.add_argument(
        "--mutant", choices=MUTANTS, metavar="NAME", help=f"break the runtime: {', '.join(MUTANTS)}"
    )
    parser.add_argument("--all", action="store_true", help="go on after a seed has failed")
    parser.add_argument("--digest", action="store_true", help="with --json: a hash of all traces")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    if (given.seed is None) == (given.seeds is None):
        parser.error("give one seed, or --seeds A..B")
    if given.seed is not None:
        return _one(given.seed, mutant=given.mutant, as_json=given.json)
    try:
        first, last = map(int, given.seeds.split(".."))
    except ValueError:
        parser.error(f"--seeds takes A..B, two numbers, not {given.seeds}")
    return _many(
        range(first, last), mutant=given.mutant, go_on=given.all, digested=given.digest, as_json=given.json
    )


def _one(seed: int, *, mutant: str | None, as_json: bool) -> int:
    with logs_in(), MUTANTS[mutant].applied() if mutant else nullcontext():
        world = play(seed)
    violations = world.ledger.violations
    if as_json:
        _say(json.dumps({"seed": seed, "violations": violations, "trace": trace(world)}))
    else:
        _say("\n".join(trace(world)))
        _say("\n".join(f"violated: {rule}" for rule in violations) or "all holds")
    return 1 if violations else 0


def _many(seeds: range, *, mutant: str | None, go_on: bool, digested: bool, as_json: bool) -> int:
    begin = time.perf_counter()
    failed: dict[int, list[str]] = {}
    totals: Counter[str] = Counter()
    digest = hashlib.sha256() if digested else None
    with quietly(), MUTANTS[mutant].applied() if mutant else nullcontext():
        for seed in seeds:
            world = play(seed)
            totals += Counter(
                played=1,
                published=world.ledger.published.total(),
                repeated=world.ledger.repeated,
                runs=world.ledger.starts.total(),
            )
            if digest is not None:
                digest.update("\n".join(trace(world)).encode())
            if world.ledger.violations:
                failed[seed] = world.ledger.violations
                if not go_on:
                    break
    seconds = round(time.perf_counter() - begin, 1)
    result = {
        **totals,
        "seconds": seconds,
        "failed": failed,
        "traces": digest.hexdigest() if digest else None,
    }
    if as_json:
        _say(json.dumps(result))
        return 1 if failed else 0
    _say(
        f"{totals['played']} seeds in {seconds} s: {totals['runs']} runs of handlers, "
        f"{totals['published']} publications, {totals['repeated']} of them repeated under the same id"
    )
    for seed, violations in failed.items():
        _say(f"seed {seed}: {violations[0]}")
    if failed:
        seed = next(iter(failed))
        _say(f"\nthe first again, with its trace: {replay(seed, mutant)}\n")
        _one(seed, mutant=mutant, as_json=False)
    return 1 if failed else 0


def replay(seed: int, mutant: str | None = None) -> str:
    """The command that plays a seed again."""
    return f"python -m tests.simulation {seed}" + (f" --mutant {mutant}" if mutant else "")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
