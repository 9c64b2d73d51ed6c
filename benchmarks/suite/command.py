"""What every command of the benchmarks does around its work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from rich.console import Console

from cli.errors import CommandError
from cli.output import console


def run(work: Callable[[Console], Coroutine[Any, Any, None]], *, interrupted: str = "") -> None:
    """Do it; errors and interruptions end the process with a sentence. `interrupted`: what else is to be said then."""
    try:
        asyncio.run(work(console()))
    except CommandError as error:
        sys.exit(f"{error.message}\n{error.hint}".strip())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(f"interrupted; everything that was started is ended{interrupted}")
