"""Load a task of a shipped agent, and show where its process spends the time: a flame graph."""

from __future__ import annotations

import argparse
import os
import re
import sys
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS
from benchmarks.profile.load import AROUND, bench
from benchmarks.profile.work import Work, work
from benchmarks.suite.command import run
from benchmarks.suite.programs import programs
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import ROOT, commit
from cli.errors import CommandError
from cli.local.process import Child

START_S = 8.0
RATE = 200
"""Samples a second."""
_HEADLINE = re.compile(r'(?<=<text id="title")([^>]*>)[^<]*')
_FOLDERS = re.compile(
    rf"(?<=\()(?:/[^()<]*/site-packages/|{re.escape(str(ROOT))}/|/[^()<]*(?:/(?=[^/()<]*[:)])|(?=\.\.<)))"
)
"""Of a frame's file: what only this machine has."""


def main() -> None:
    run(partial(_run, _arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile",
        description="Show where the time of a task goes, under load, with a model that answers at once.",
    )
    parser.add_argument("agent", help="implementation, service-desk, …")
    parser.add_argument("task", help="generate-code, triage, …")
    parser.add_argument(
        "--seconds", type=int, default=10, metavar="N", help="recorded under load, default 10"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="default profile-AGENT-TASK.svg")
    arguments = parser.parse_args()
    if arguments.seconds < 1:
        parser.error("--seconds is 1 or more")
    output = arguments.output or Path(f"profile-{arguments.agent}-{arguments.task}.svg")
    arguments.output = output.absolute()
    return arguments


async def _run(arguments: argparse.Namespace, console: Console) -> None:
    asked, spy = work(arguments.agent, arguments.task), _py_spy()
    found = await programs([CONTENDERS["ours"]], console)
    steps = Steps(console, [START_S, arguments.seconds + 2 * AROUND])
    async with steps.shown():
        steps.start("start")
        async with bench(found, asked) as at_work:
            await at_work.warm_up()
            steps.done(_how(asked))
            steps.start(f"{arguments.seconds} s under load")
            record = partial(_record, spy, at_work.pid, arguments.seconds, arguments.output)
            rate = await at_work.during(arguments.seconds, record)
            steps.done(f"{rate:.0f} a second while recorded, which costs a little")
    title = f"{asked.agent.name} {asked.task.name}, commit {commit()}: {rate:.0f} a second for {arguments.seconds} s"
    arguments.output.write_text(portable(arguments.output.read_text(), title))
    console.print(f"written: {arguments.output}, for a browser: a click zooms in", highlight=False)


def portable(svg: str, title: str) -> str:
    """Without the paths of this machine; py-spy's title is its command line."""
    return _FOLDERS.sub("", _HEADLINE.sub(rf"\g<1>{title}", svg))


def _how(asked: Work) -> str:
    return f"by the event {asked.takes}" if asked.template else "by HTTP, as no event starts this task"


def _py_spy() -> Path:
    program = Path(sys.executable).with_name("py-spy")
    if not program.exists():
        raise CommandError(
            f"there is no py-spy beside {sys.executable}",
            hint="it is in requirements-dev.lock: `make profile` installs that",
        )
    return program


async def _record(spy: Path, pid: int, seconds: int, output: Path) -> None:
    said = bytearray()
    argv: list[str | Path] = [spy, "record", "--function", "--rate", str(RATE)]
    argv += ["--pid", str(pid), "--duration", str(seconds), "--output", output]
    child = Child(argv, cwd=Path.cwd(), env=os.environ, on_output=said.extend)
    try:
        code = await child.wait()
    finally:
        child.kill()
    if code:
        raise CommandError(
            "py-spy could not trace the agent",
            hint=f"{said.decode(errors='replace').strip()[-1000:]}\n"
            "Tracing takes the right to it: in a container `--cap-add SYS_PTRACE`; where kernel.yama.ptrace_scope is 2 or "
            "more, root.",
        )


if __name__ == "__main__":
    main()
