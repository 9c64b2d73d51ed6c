"""The merged log on standard output: coloured prefixes on terminals, and never a reason to wait.

A terminal that is stopped (Ctrl-S) or a pager that does not read must not stop the apps behind it, so lines are
kept up to a limit and dropped beyond, without a thread: the supervisor forks, and a parent-death signal is tied to
the thread that does.
"""

import asyncio
import os
import select
import sys

from cli.local.loglines import readable

_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
_LEVELS = {"warning": 33, "warn": 33, "error": 31, "fatal": 31, "critical": 31}
_MAX_WAITING = 1_000_000
_WRITE = 4_096  # a pipe or terminal that is writable at all takes so much without blocking


class Screen:
    def __init__(self, names: list[str], *, colour: bool) -> None:
        self._width = max(map(len, names), default=0)
        self._colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)} if colour else {}
        self._waiting = bytearray()
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None

    def show(self, name: str, line: str, *, at_least: str = "info") -> None:
        """One line of a process; with `at_least="warning"` only when its level is that or worse."""
        level, text = readable(line)
        if text.strip() and (at_least == "info" or level in _LEVELS):
            prefix = self._paint(f"{name:{self._width}} │", self._colours.get(name))
            code = _LEVELS.get(level) if self._colours else None
            for part in text.splitlines():
                self.print(f"{prefix} {self._paint(part, code)}")

    def print(self, text: str) -> None:
        if len(self._waiting) > _MAX_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            self._waiting += f"… {self._dropped} lines not shown; `agents logs` has them all\n".encode()
            self._dropped = 0
        self._waiting += text.encode(errors="replace") + b"\n"
        self._flush()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._flush()

    def _flush(self) -> None:
        descriptor = sys.stdout.fileno()
        try:
            while self._waiting and select.select([], [descriptor], [], 0)[1]:
                written = os.write(descriptor, self._waiting[:_WRITE])
                del self._waiting[:written]
        except OSError:  # the terminal went away: go on without it
            self._waiting.clear()
        if self._waiting and (self._timer is None or self._timer.when() <= asyncio.get_running_loop().time()):
            self._timer = asyncio.get_running_loop().call_later(0.1, self._flush)

    @staticmethod
    def _paint(text: str, code: int | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if code else text
