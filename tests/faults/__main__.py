"""The command line of the fault suite; see the package."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from pathlib import Path

from tests.faults.components import COMPONENTS, Components
from tests.faults.figures import Figures
from tests.faults.report import merge
from tests.faults.rows import Row, rows_on
from tests.faults.suite import suite


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Attack the running system, count from outside."
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run; all when none is named")
    parser.add_argument(
        "--components", choices=COMPONENTS, default="redis", help="what it runs on (default redis)"
    )
    parser.add_argument("--chains", type=int, default=1000, help="chains per row (default 1000)")
    parser.add_argument("--seed", type=int, help="of the attacks; drawn when not given")
    parser.add_argument("--list", action="store_true", help="show the rows")
    parser.add_argument("--json", action="store_true", help="print the figures as a JSON array")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and data in this new folder")
    parser.add_argument("--report", action="store_true", help="put the figures into docs/reliability.md")
    arguments = parser.parse_args()
    rows = rows_on(arguments.components)
    if arguments.list:
        for row in rows.values():
            sys.stdout.write(f"{row.name:12} {row.title}\n")
        return
    if unknown := set(arguments.rows) - set(rows):
        parser.error(
            f"no such row on {arguments.components}: {', '.join(sorted(unknown))}; there are {', '.join(rows)}"
        )
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    wanted = [rows[name] for name in arguments.rows] or list(rows.values())
    components = COMPONENTS[arguments.components]
    figures, programs, late = asyncio.run(_run(components, wanted, arguments.chains, seed, arguments.keep))
    if arguments.report:
        merge(figures, programs)
    if arguments.json:
        sys.stdout.write(json.dumps([one.model_dump() for one in figures]) + "\n")
    failed = [one.row for one in figures if one.problems]
    for problem in late:
        _say(f"FAILED: {problem}")
    if failed or late:
        _say(f"{len(failed)} of {len(figures)} rows failed: {', '.join(failed)}")
        sys.exit(1)


async def _run(
    components: Components, rows: list[Row], chains: int, seed: int, keep: Path | None
) -> tuple[list[Figures], dict[str, str], list[str]]:
    # Rows that share a start come one after the other.
    order = {options: number for number, options in enumerate(dict.fromkeys(row.options for row in rows))}
    async with suite(seed, _say, components, keep) as running:
        found = [
            await running.run(row, chains=chains, seed=seed)
            for row in sorted(rows, key=lambda row: order[row.options])
        ]
        late = await running.late()
        return found, running.programs, late


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


if __name__ == "__main__":
    main()
