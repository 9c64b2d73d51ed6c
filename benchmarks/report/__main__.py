"""docs/benchmarks.md and docs/images/benchmarks/*.svg from benchmarks/results.

    python -m benchmarks.report [--check]

`--check` says whether they are what the figures give; the plots only where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from benchmarks.capacity import results as capacity
from benchmarks.report.page import page
from benchmarks.suite.results import LATEST, ROOT, read
from cli.errors import CommandError

DOCUMENT = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images" / "benchmarks"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report", description="Write docs/benchmarks.md."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something differs")
    check = parser.parse_args().check
    if not LATEST.exists():
        sys.exit(f"there is no {LATEST.relative_to(ROOT)} yet: run `make bench`")
    try:
        if check:
            sys.exit(_stale())
        write()
    except CommandError as error:
        sys.exit(f"{error.message}\n{error.hint}")


def write() -> None:
    """CommandError where the figures are of another version of the benchmarks."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path, text in _files().items():
        path.write_text(text)


def _stale() -> str | None:
    differing = [path for path, text in _files().items() if not path.exists() or path.read_text() != text]
    if not differing:
        return None
    listed = ", ".join(str(path.relative_to(ROOT)) for path in differing)
    return f"not what {LATEST.parent.relative_to(ROOT)} gives: {listed}; run `python -m benchmarks.report`"


def _files() -> dict[Path, str]:
    try:
        results = read()
    except ValidationError as error:
        raise CommandError(
            f"{LATEST.relative_to(ROOT)} is of another version of the benchmarks",
            hint="`make bench` makes it anew",
        ) from error
    made = {DOCUMENT: page(results, capacity.read())}
    if find_spec("matplotlib") is None:
        sys.stderr.write(
            "matplotlib is not installed: the plots are left as they are (it is in the dev lock)\n"
        )
        return made
    from benchmarks.report.plots import plots  # noqa: PLC0415 - matplotlib is for those who write the document

    return made | {IMAGES / name: text for name, text in plots(results).items()}


if __name__ == "__main__":
    main()
