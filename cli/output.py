"""How commands print: JSON for programs, colours for terminals alone."""

import sys
from typing import Any

from pydantic_core import to_json
from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """rich honours NO_COLOR and sees by itself whether a terminal is there."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = 200  # a file or pipe has no width: nothing is to be cut off there
    return made


def print_json(value: Any, *, indent: int | None = 2) -> None:
    sys.stdout.write(to_json(value, indent=indent).decode() + "\n")
