"""`agents chain`: all that an execution set off, as a tree."""

import sys
import time
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from cli.asking import nobody_knows
from cli.chain import Chain, Link, as_json, unsettled
from cli.client import agent_clients
from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import clock, duration, moment_of, one_line
from cli.story import attempts_of, history_of
from domain.json import JsonObject

EPILOG = """\b
Examples: agents chain 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e
          agents chain release-42 --follow"""
REFRESH = 0.3
APPEARS_WITHIN = 10.0
"""Seconds for which --follow waits for an id that nobody knows yet, and for agents that do not answer."""
_MARKS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "running": ("●", "cyan"),
    "waiting": ("◌", "yellow"),
    "expected": ("◌", "yellow"),
    "missing": ("?", "red"),
    "unknown": ("?", "yellow"),
    "repeated": ("↑", "dim"),
}
_MEANINGS = {
    "waiting": "handed back, waiting to be taken up again",
    "expected": "not taken up yet",
    "missing": "never taken up",
    "unknown": "not known: the agent does not answer",
    "repeated": "already above",
}


@click.command(epilog=EPILOG)
@click.argument("wanted", metavar="ID")
@click.option("--follow", "-f", is_flag=True, help="Go on until nothing of it is at work any more.")
@click.option(
    "--json", "json_", is_flag=True, help="Print the tree as JSON; with -f a line for every change."
)
@click.pass_context
def command(ctx: click.Context, *, wanted: str, follow: bool, json_: bool) -> None:
    """Show the chain below ID, an execution's id or a correlation id: every execution and event, with times.

    Nothing is searched: what an event sets off follows from its id and from the events that tasks react to. Work that
    waits is shown with what it waits for and since when, events that nobody took up yet as well.

    Exit code 0, 1 when an execution of the chain failed, 4 when an agent of several does not answer, 9 when nobody knows
    the id; 3 or 4 when nobody who answers knows it.
    """
    chain = Chain(agent_clients())
    roots = _follow(chain, wanted, json_=json_) if follow else _once(chain, wanted)
    if not follow and json_:
        print_json(as_json(wanted, roots, chain.problems))
    if not json_:
        out = console()
        out.print(_drawn(roots))
        out.print(Text(_summary(roots), style="dim"))
    for problem in chain.problems.values():
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    failed = any(link.status == "failed" for root in roots for link in root.walk())
    ctx.exit(ExitCode.FAILED if failed else ExitCode.NOT_READY if chain.problems else ExitCode.OK)


def _once(chain: Chain, wanted: str) -> list[Link]:
    with waiting(f"reading the chain of {wanted}"):
        return _required(chain, wanted, chain.read(wanted))


def _follow(chain: Chain, wanted: str, *, json_: bool) -> list[Link]:
    """Read again and again, show every change; the last reading when all is quiet."""
    out = console(stderr=json_)
    changed_at = time.monotonic()
    said: JsonObject | None = None
    told: dict[str, tuple[str, str | None]] = {}
    with Live(console=out, transient=True, auto_refresh=False) as live:
        while True:
            roots = chain.read(wanted)
            if out.is_terminal:
                live.update(_drawn(roots) if roots else Text(f"waiting for {wanted}"), refresh=True)
            document = as_json(wanted, roots, chain.problems)
            if document != said:
                said, changed_at = document, time.monotonic()
                if json_ and roots:
                    print_json(document, indent=None)
            if not json_ and not out.is_terminal:
                _tell_changes(out, roots, told)
            if _ended(roots, chain, time.monotonic() - changed_at):
                return _required(chain, wanted, roots)
            time.sleep(REFRESH)


def _tell_changes(out: Console, roots: list[Link], told: dict[str, tuple[str, str | None]]) -> None:
    """Where nothing can be redrawn: a line for every execution that is not as it was told."""
    for root in roots:
        for link in root.walk():
            now = (link.status, link.record.get("waits_for"))
            if link.status != "repeated" and told.get(link.execution_id) != now:
                told[link.execution_id] = now
                out.print(f"{datetime.now().astimezone():%H:%M:%S} ", _line(link, _begin(root)), sep="")
    sys.stdout.flush()


def _ended(roots: list[Link], chain: Chain, unchanged: float) -> bool:
    """Nothing is at work any more; agents and ids that are not there get some time to appear."""
    if not roots or chain.problems:
        unknown_alone = all(link.status == "unknown" for link in unsettled(roots))
        return unknown_alone and unchanged > APPEARS_WITHIN
    return not unsettled(roots)


def _required(chain: Chain, wanted: str, roots: list[Link]) -> list[Link]:
    if roots:
        return roots
    hint = "records are kept for AGENTS_RETENTION_DAYS; `agents events` shows what went by lately"
    what = f"an execution or a correlation id {one_line(wanted)}"
    raise nobody_knows(what, hint, list(chain.problems.values()), chain.size)


def _drawn(roots: list[Link]) -> Tree:
    top = Tree("", hide_root=True)
    for root in roots:
        began = _begin(root)
        _draw(top.add(_line(root, began)), root, began)
    return top


def _draw(tree: Tree, link: Link, began: str | None) -> None:
    for event, reactions in link.emitted:
        branch = tree.add(_event_line(event, link.publication_of(event)))
        for reaction in reactions:
            _draw(branch.add(_line(reaction, began)), reaction, began)


def _line(link: Link, began: str | None) -> Text:
    mark, colour = _MARKS.get(link.status, ("·", ""))
    record = link.record
    line = Text.assemble((f"{mark} ", colour), (f"{link.agent}/{link.task}", "bold"), "  ")
    line.append(_MEANINGS.get(link.status, link.status), colour)
    if "duration_ms" in record:
        line.append(f" in {duration(record['duration_ms'] / 1000)}")
        line.append(_offset(record["started_at"], began), "dim")
    elif link.status != "repeated" and link.waited is not None:
        line.append(f" for {duration(link.waited)}")
        if began_at := link.since or record.get("started_at"):
            line.append(f", since {clock(began_at)}", "dim")
    if len(history_of(record)) > 1:
        line.append(f", attempts {attempts_of(record)}")
    line.append(f"  {link.execution_id}", "dim")
    if record.get("waits_for"):
        line.append(f"\nwaits for {one_line(record['waits_for'])}", "yellow")
    if record.get("error"):
        line.append(f"\n{record['error']['code']}: {one_line(record['error']['message'])}", "red")
    return line


def _event_line(event: JsonObject, problem: str | None) -> Text:
    style = "red" if event["type"].endswith(".dead-letter") else "cyan"
    line = Text.assemble((one_line(event["type"]), style), ("  " + clock(event.get("time")), "dim"))
    return line.append(f"  {problem}", "red") if problem else line


def _begin(root: Link) -> str | None:
    started: str | None = root.record.get("started_at")
    return started


def _offset(started: str, began: str | None) -> str:
    """At what time for the root; how much later for what it set off."""
    first, this = moment_of(began), moment_of(started)
    if first is None or this is None or first == this:
        return f" at {clock(started)}"
    return f" at +{duration((this - first).total_seconds())}"


def _summary(roots: list[Link]) -> str:
    links = [link for root in roots for link in root.walk() if link.status != "repeated"]
    counts: dict[str, int] = {}
    for link in links:
        counts[link.status] = counts.get(link.status, 0) + 1
    said = [
        f"{len(links)} execution{'s' if len(links) > 1 else ''}: "
        + ", ".join(f"{count} {status}" for status, count in counts.items())
    ]
    moments: list[Any] = [
        moment
        for link in links
        for key in ("started_at", "completed_at")
        if (moment := moment_of(link.record.get(key)))
    ]
    if moments:
        said.append(f"{duration((max(moments) - min(moments)).total_seconds())} from the first to the last")
    tokens = sum(sum(link.record.get("usage", {}).values()) for link in links)
    if tokens:
        said.append(f"{tokens} tokens")
    return "; ".join(said)
