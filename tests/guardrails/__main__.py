"""`python -m tests.guardrails`: what the rules make of the set. `--report` writes it into docs/guardrails.md."""

from __future__ import annotations

import argparse
import sys

from tests.guardrails.report import figures, judge, write


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.guardrails", description=__doc__)
    parser.add_argument("--report", action="store_true", help="write the figures into docs/guardrails.md")
    if parser.parse_args().report:
        write(sys.stdout.write)
    else:
        sys.stdout.write(figures(judge()) + "\n")


if __name__ == "__main__":
    main()
