"""docs/benchmarks.md and docs/images/benchmarks/*.svg from benchmarks/results/latest.json.

    python -m benchmarks.report [--check]

`--check` says whether they are what the figures give; the plots only where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks.report.page import page
from benchmarks.suite.results import LATEST, ROOT, read

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
    made = files(with_plots=find_spec("matplotlib") is not None)
    if len(made) == 1:
        sys.stderr.write(
            "matplotlib is not installed: the plots are left as they are (it is in the dev lock)\n"
        )
    if check:
        differing = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
        if differing:
            listed = ", ".join(str(path.relative_to(ROOT)) for path in differing)
            sys.exit(
                f"not what {LATEST.relative_to(ROOT)} gives: {listed}; run `python -m benchmarks.report`"
            )
        return
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        path.write_text(text)


def files(*, with_plots: bool) -> dict[Path, str]:
    results = read()
    made = {DOCUMENT: page(results)}
    if with_plots:
        from benchmarks.report.plots import plots  # noqa: PLC0415 - matplotlib is for those who write the document

        made |= {IMAGES / name: text for name, text in plots(results).items()}
    return made


if __name__ == "__main__":
    main()
