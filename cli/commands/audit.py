"""`agents audit`: who did what that needs a privilege."""

from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.client import AgentClient, agent_clients, chosen, nothing_answers
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import one_line, when
from domain.json import JsonObject

EPILOG = """\b
Examples: agents audit implementation
          agents audit --limit 500 --json | jq '.[] | select(.act == "prompts.promote")'"""
_COLUMNS = ("agent", "when", "who", "act", "target", "given", "result")
PAGE = 500
"""Records that are asked for at once."""


@click.command(epilog=EPILOG)
@click.argument("names", metavar="[AGENT]...", nargs=-1)
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(min=1), help="Records of each agent."
)
@click.option("--json", "as_json", is_flag=True, help="Print the records as a JSON array.")
@click.pass_context
def command(ctx: click.Context, *, names: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show who replayed or dropped dead letters, split, promoted or rolled back prompts: newest first, kept for a year.

    Where callers log in, it takes the role Agents.Admin. Exit code 0, 3 when no agent answers, 4 when one of several does
    not, 6 when the caller may not, 9 when there is no such agent.
    """
    records: list[JsonObject] = []
    problems: list[CommandError] = []
    clients = chosen(agent_clients(), names)
    with waiting("asking the agents"):
        for client in clients.values():
            try:
                records += _records(client, limit)
            except CommandError as error:
                problems.append(error)
    if len(problems) == len(clients):
        raise nothing_answers(problems)
    records.sort(key=lambda record: str(record["at"]), reverse=True)
    if as_json:
        print_json(records)
    else:
        _show(records)
    for problem in problems:
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    ctx.exit(ExitCode.NOT_READY if problems else ExitCode.OK)


def _records(client: AgentClient, limit: int) -> list[JsonObject]:
    found: list[JsonObject] = []
    cursor = ""
    while len(found) < limit:
        page: Any = client.get(f"/audit?limit={min(limit - len(found), PAGE)}{cursor}")
        found += [{"agent": client.name, **record} for record in page["audit"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    return found


def _show(records: list[JsonObject]) -> None:
    out = console()
    if not records:
        out.print("nobody did anything that needs a privilege", markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        # What was given may be long, and it alone is broken into lines: who did what is never cut off.
        table.add_column(column, no_wrap=column != "given", overflow="fold")
    for record in records:
        result = f"{record['result']} {record['error'] or ''}".strip()
        what = (record["act"], record["target"], record.get("given") or "", result)
        cells = (record["agent"], when(record["at"]), record["who"], *what)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    out.print(table, soft_wrap=False)
