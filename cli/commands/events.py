"""`agents events`: the events that the agents receive and publish, as they go by."""

import sys

import click
from rich.console import Console
from rich.text import Text

from cli.client import agent_clients, chosen, nothing_answers
from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import clock, one_line
from cli.watching import Seen, Watch
from domain.json import JsonObject

EPILOG = """\b
Examples: agents events -f implementation notification
          agents events --correlation release-42 --json | jq .event.type"""
_ARROWS = {"received": ("←", "cyan"), "published": ("→", "green")}


@click.command(epilog=EPILOG)
@click.argument("names", metavar="[AGENT]...", nargs=-1)
@click.option(
    "--follow", "-f", is_flag=True, help="Go on with what comes; connections that break are made again."
)
@click.option("--correlation", metavar="ID", help="Only the events of this correlation id.")
@click.option(
    "--redeliveries", is_flag=True, help="Show also what the broker offers again while it is in work."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line, events whole; everything, redeliveries too.",
)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    follow: bool,
    correlation: str | None,
    redeliveries: bool,
    as_json: bool,
) -> None:
    """Show what the agents received (←) and published (→) lately, merged by time; all agents unless some are named.

    Each replica of an agent keeps its last 200. Watching takes no event away from anybody.

    Exit code 0, 3 when no agent answers, 4 when one of several (or a replica) does not, 9 when there is no such agent.
    """
    clients = chosen(agent_clients(), names)
    replicas = [replica for client in clients.values() for replica in client.replicas()]
    watch = Watch(replicas, follow=follow)
    with waiting("asking the agents"):
        kept = watch.kept()
    problems = [seen.problem for seen in kept if seen.problem]
    if len(problems) == len(replicas) and not follow:
        raise nothing_answers(problems)
    show = _Show(console(), correlation, as_json=as_json, redeliveries=redeliveries)
    for seen in kept:
        show(seen)
    if follow:
        sys.stdout.flush()
        for seen in watch.coming():
            show(seen)
            sys.stdout.flush()
    ctx.exit(ExitCode.NOT_READY if problems else ExitCode.OK)


class _Show:
    def __init__(self, out: Console, correlation: str | None, *, as_json: bool, redeliveries: bool) -> None:
        self._out = out
        self._correlation = correlation
        self._as_json = as_json
        self._shown: set[tuple[str, str, str, str]] | None = None if redeliveries or as_json else set()

    def __call__(self, seen: Seen) -> None:
        if seen.problem:
            click.echo(f"{seen.problem.message}; {seen.problem.hint}", err=True)
            return
        event = seen.entry["event"] if isinstance(seen.entry["event"], dict) else {}
        if self._correlation is not None and event.get("correlationid") != self._correlation:
            return
        if self._as_json:
            print_json({"agent": seen.agent, "replica": seen.replica, **seen.entry}, indent=None)
        elif not self._shown_before(seen, event):
            self._out.print(_line(seen, event))

    def _shown_before(self, seen: Seen, event: JsonObject) -> bool:
        """An event is offered again while it is in work: that says nothing new."""
        if self._shown is None or "id" not in event:
            return False
        key = (seen.agent, str(seen.entry["direction"]), str(event.get("source")), str(event["id"]))
        if key in self._shown:
            return True
        self._shown.add(key)
        return False


def _line(seen: Seen, event: JsonObject) -> Text:
    arrow, colour = _ARROWS.get(seen.entry["direction"], ("·", ""))
    own_command = str(event.get("type", "")).endswith(".execution.requested")
    return Text.assemble(
        (clock(seen.entry["at"], milliseconds=True), "dim"),
        f"  {seen.agent:<15} ",
        (f"{arrow} ", colour),
        (one_line(event.get("type") or f"{seen.entry['topic']}: no event"), "dim" if own_command else "bold"),
        f"  {one_line(event.get('id', ''))}",
        (f"  {one_line(event.get('correlationid') or '')}", "dim"),
    )
