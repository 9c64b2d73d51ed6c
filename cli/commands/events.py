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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, events whole.")
@click.pass_context
def command(
    ctx: click.Context, *, names: tuple[str, ...], follow: bool, correlation: str | None, as_json: bool
) -> None:
    """Show what the agents received (←) and published (→) lately, merged by time; all agents unless some are named.

    Each agent keeps its last 200. Watching takes no event away from anybody.

    Exit code 0, 3 when no agent answers, 4 when one of several does not, 9 when there is no such agent.
    """
    clients = chosen(agent_clients(), names)
    out = console()
    watch = Watch(clients, follow=follow)
    with waiting("asking the agents"):
        kept = watch.kept()
    problems = [seen.problem for seen in kept if seen.problem]
    if len(problems) == len(clients) and not follow:
        raise nothing_answers(problems)
    for seen in kept:
        _show(out, seen, correlation, as_json=as_json)
    if follow:
        sys.stdout.flush()
        for seen in watch.coming():
            _show(out, seen, correlation, as_json=as_json)
            sys.stdout.flush()
    ctx.exit(ExitCode.NOT_READY if problems else ExitCode.OK)


def _show(out: Console, seen: Seen, correlation: str | None, *, as_json: bool) -> None:
    if seen.problem:
        click.echo(f"{seen.problem.message}; {seen.problem.hint}", err=True)
        return
    event = seen.entry["event"] if isinstance(seen.entry["event"], dict) else {}
    if correlation is not None and event.get("correlationid") != correlation:
        return
    if as_json:
        print_json({"agent": seen.agent, **seen.entry}, indent=None)
        return
    arrow, colour = _ARROWS.get(seen.entry["direction"], ("·", ""))
    own_command = str(event.get("type", "")).endswith(".execution.requested")
    line = Text.assemble(
        (clock(seen.entry["at"], milliseconds=True), "dim"),
        f"  {seen.agent:<15} ",
        (f"{arrow} ", colour),
        (one_line(event.get("type") or f"{seen.entry['topic']}: no event"), "dim" if own_command else "bold"),
        f"  {one_line(event.get('id', ''))}",
        (f"  {one_line(event.get('correlationid') or '')}", "dim"),
    )
    out.print(line)
