"""Tells people how far a run is: a bar with the time left on a terminal, a line for each finished step anywhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from cli.errors import CommandError

_T = TypeVar("_T")
PLAIN_INTERVAL = 20.0
"""Seconds after which a long step says something where there is no terminal."""


class Pace:
    """How long the rest will take: as was expected, corrected by how long the first steps took."""

    def __init__(self, expected: Sequence[float]) -> None:
        self._ahead = list(expected)
        self._expected = self._spent = 0.0
        self.total = sum(expected)

    def finished(self, seconds: float) -> None:
        if self._ahead:
            self._expected += self._ahead.pop(0)
            self._spent += seconds

    def replan(self, expected: Sequence[float]) -> None:
        """Other steps than were planned are still to come: more, or fewer."""
        self._ahead = list(expected)
        self.total = self._expected + sum(expected)

    @property
    def left(self) -> float:
        factor = self._spent / self._expected if self._expected else 1.0
        return sum(self._ahead) * factor


class Steps:
    """What is being done, out of a plan whose steps take known times."""

    def __init__(self, console: Console, expected: Sequence[float]) -> None:
        self._console = console
        self.pace = Pace(expected)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[left]} left"),
            console=console,
            # No refresh thread: children are forked from this process.
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, left="")
        self._step = self._doing = ""
        self._began = time.monotonic()

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        self._console.print(f"about {minutes(self.pace.total)} in all")
        with self._bar:
            task = asyncio.create_task(self._refresh())
            try:
                yield
            finally:
                task.cancel()

    def start(self, step: str) -> None:
        self._step, self._doing = step, ""
        self._began = time.monotonic()

    def say(self, doing: str) -> None:
        self._doing = doing

    def done(self, result: str) -> None:
        self.pace.finished(time.monotonic() - self._began)
        left = f"  [dim]{minutes(self.pace.left)} left[/]" if self.pace.left else ""
        self._console.print(f"{escape(self._step)}: {escape(result)}{left}", highlight=False)

    async def twice(self, run: Callable[[], Awaitable[_T]]) -> _T:
        """Once more when it fails: a port that was free a moment ago may be taken, and a long run is at stake."""
        try:
            return await run()
        except CommandError as error:
            self.note(f"{self._step}: {error.message}; once more. {error.hint}")
            return await run()

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    async def _refresh(self) -> None:
        told = time.monotonic()
        while True:
            spent = time.monotonic() - self._began
            left = max(0.0, self.pace.left - spent)
            share = 1 - left / self.pace.total if self.pace.total else 1.0
            doing = f"{self._step}: {self._doing}" if self._doing else self._step
            self._bar.update(self._task, description=doing, completed=share, left=minutes(left), refresh=True)
            if self._bar.disable and time.monotonic() - max(told, self._began) > PLAIN_INTERVAL:
                told = time.monotonic()
                self._console.print(f"{escape(doing)}  [dim]{minutes(left)} left[/]", highlight=False)
            await asyncio.sleep(1)


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
