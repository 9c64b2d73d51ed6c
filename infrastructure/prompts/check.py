"""Print everything that is wrong with the prompt files: `python -m infrastructure.prompts.check prompts --release`.

Exit status: 0 fine, 1 errors (with --release warnings as well), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infrastructure.prompts.registry import check_folder


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.prompts.check", description="Check prompt files."
    )
    parser.add_argument("folder", type=Path, help="the folder that holds <agent>/<prompt>/<version>.yaml")
    parser.add_argument(
        "--release", action="store_true", help="fail on warnings too: what they name cannot be released"
    )
    options = parser.parse_args(arguments)
    problems = check_folder(options.folder)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    fatal = {"error", "warning"} if options.release else {"error"}
    return 1 if any(problem.severity in fatal for problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
