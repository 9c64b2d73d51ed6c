"""Shows what provisioning does: a live table on a terminal, a line now and then elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

PLAIN_INTERVAL = 10.0
QUICK = 1.0  # what is done sooner is told once


@dataclass
class Step:
    """One artefact on its way. `expected` in seconds, None when it takes no time worth naming."""

    title: str
    expected: float | None = None
    doing: str = "waiting"
    state: str = "working"
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    def says(self, doing: str) -> None:
        self.doing = doing

    def done(self, result: str) -> None:
        self._end("done", result)

    def failed(self, reason: str) -> None:
        self._end("failed", reason)

    def _end(self, state: str, text: str) -> None:
        self.state, self.doing, self.ended = state, text, time.monotonic()

    @property
    def clock(self) -> str:
        seconds = (self.ended or time.monotonic()) - self.started
        if self.expected and not self.ended:
            return f"{_minutes(seconds)} of about {_minutes(self.expected)}"
        return _minutes(seconds)


class Progress:
    """The steps of one provisioning run, shown while `shown()` is entered."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[Step] = []

    def step(self, title: str, expected: float | None = None) -> Step:
        step = Step(title, expected)
        self._steps.append(step)
        return step

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        display = self._live() if self._console.is_terminal else self._plain()
        task = asyncio.create_task(display)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _live(self) -> None:
        # No refresh thread: children are forked from this process, and a parent-death signal belongs to a thread.
        with Live(self._table(), console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(self._table(), refresh=True)
                    await asyncio.sleep(0.25)
            finally:
                live.update(self._table(), refresh=True)

    async def _plain(self) -> None:
        told: dict[int, tuple[str, float]] = {}
        try:
            while True:
                self._tell(told, PLAIN_INTERVAL)
                await asyncio.sleep(0.2)
        finally:
            self._tell(told, PLAIN_INTERVAL)

    def _tell(self, told: dict[int, tuple[str, float]], interval: float) -> None:
        now = time.monotonic()
        for step in self._steps:
            state, at = told.get(id(step), ("", 0.0))
            if state == step.state and (step.ended or now - at < interval):
                continue
            if not step.ended and now - step.started < QUICK:
                continue
            told[id(step)] = (step.state, now)
            self._console.print(f"{step.title}: {step.doing} ({step.clock})", markup=False, highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for column in ("mark", "title", "clock", "doing"):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        marks = {"working": "[cyan]…[/]", "done": "[green]✓[/]", "failed": "[red]✗[/]"}
        for step in self._steps:
            table.add_row(marks[step.state], step.title, step.clock, step.doing.replace("[", r"\["))
        return table


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
