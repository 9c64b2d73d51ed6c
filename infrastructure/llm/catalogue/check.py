"""Print everything that is wrong with files of models: `python -m infrastructure.llm.catalogue.check models`.

Exit status: 0 fine, 1 errors or warnings, 2 wrong usage. Variables that are not set here are notes alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infrastructure.llm.catalogue.file import read_catalogue


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.llm.catalogue.check", description="Check files of models."
    )
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders of files that end with .yaml")
    options = parser.parse_args(arguments)
    worst = 0
    for path in options.paths:
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            _, problems = read_catalogue(file, os.environ, variables_may_be_unset=True)
            for problem in problems:
                sys.stdout.write(f"{problem}\n")
                worst = max(worst, 0 if problem.severity == "note" else 1)
    return worst


if __name__ == "__main__":
    sys.exit(main())
