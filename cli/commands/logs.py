"""`agents logs`: what the processes wrote, merged and readable."""

import re
import sys
import time
from collections import deque
from pathlib import Path
from typing import TextIO

import click

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance, find_instance
from cli.local.loglines import readable
from cli.output import print_json

EPILOG = "Example: agents logs implementation -f"


@click.command(epilog=EPILOG)
@click.argument("name", metavar="[AGENT]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Lines of each log to begin with.",
)
@click.option("--raw", is_flag=True, help="Lines as they were written, without prefix.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(*, name: str | None, follow: bool, lines: int, raw: bool, as_json: bool) -> None:
    """Show the logs of all processes, of one agent with its replicas and sidecars (AGENT), or of one replica or process
    (AGENT-2, AGENT.daprd).
    """
    instance = find_instance()
    show = _as_json if as_json else _raw if raw else _readable
    tails = {log: _Tail(log) for log in chosen(instance, name)}
    for log, tail in tails.items():
        for line in tail.last(lines):
            show(log.stem, line)
    while follow:
        for log in chosen(instance, name):
            tail = tails.setdefault(log, _Tail(log))
            for line in tail.new():
                show(log.stem, line)
        sys.stdout.flush()
        time.sleep(0.2)


def chosen(instance: Instance, name: str | None) -> list[Path]:
    """The log files meant by a name; CommandError naming those there are."""
    logs = sorted(instance.logs.glob("*.log"))
    own = re.compile(rf"{re.escape(name or '')}(-[2-9])?(\.daprd)?")
    meant = [log for log in logs if name is None or own.fullmatch(log.stem)]
    if not meant:
        there = ", ".join(log.stem for log in logs)
        raise CommandError(
            f"no log of {name!r}; there are: {there}" if there else "there are no logs yet",
            hint="" if there else f"start it: {instance.command('up')}",
            code=ExitCode.NOT_FOUND,
        )
    return meant


class _Tail:
    """Reads a log that grows, and begins again when it was put aside for a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO = self._open()

    def last(self, count: int) -> list[str]:
        return list(deque((line.rstrip("\n") for line in self._file), maxlen=count))

    def new(self) -> list[str]:
        found = [line.rstrip("\n") for line in self._file]
        if not found and self._path.stat().st_size < self._file.tell():
            self._file.close()
            self._file = self._open()
        return found

    def _open(self) -> TextIO:
        return self._path.open(errors="replace")


def _readable(name: str, line: str) -> None:
    level, text = readable(line)
    colour = {"warning": "yellow", "warn": "yellow", "error": "red", "fatal": "red", "critical": "red"}.get(
        level
    )
    for part in text.splitlines():
        click.echo(f"{name} │ {click.style(part, fg=colour)}")


def _raw(_name: str, line: str) -> None:
    click.echo(line)


def _as_json(name: str, line: str) -> None:
    print_json({"process": name, "line": line}, indent=None)
