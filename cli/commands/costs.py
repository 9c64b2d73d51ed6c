"""`agents costs`: what the agents' models used up, by agent, task, model and day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.client import AgentClient, agent_clients, chosen, nothing_answers
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import one_line
from domain.json import JsonObject

EPILOG = """\b
Examples: agents costs
          agents costs implementation --since 30d
          agents costs --since 2026-11-01 --json | jq '[.[].cost] | add'"""


def _since(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """`7d` or a day, as a day."""
    del ctx, param
    number = value.removesuffix("d")
    try:
        if value.endswith("d") and number.isdecimal() and len(number) < 5:
            return (datetime.now(UTC).date() - timedelta(days=max(int(number), 1) - 1)).isoformat()
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise click.BadParameter("give a number of days, as 7d, or a day, as 2026-11-01") from None


@click.command(epilog=EPILOG)
@click.argument("names", metavar="[AGENT]...", nargs=-1)
@click.option(
    "--since",
    default="7d",
    show_default=True,
    callback=_since,
    help="So many days, or from this day on (UTC).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the lines as a JSON array.")
@click.pass_context
def command(ctx: click.Context, *, names: tuple[str, ...], since: str, as_json: bool) -> None:
    """Show tokens, calls and money by agent, task, model and day; kept for 92 days.

    Counted where AGENTS_MODELS names a file of models, which holds the prices. Exit code 0, 3 when no agent answers, 4 when
    one of several does not, 9 when there is no such agent.
    """
    told, problems = _ask(chosen(agent_clients(), names), since)
    if not told:
        raise nothing_answers(problems)
    lines = [
        {"agent": answer["agent"], "currency": answer["currency"], **line}
        for answer in told
        for line in answer["costs"]
    ]
    if as_json:
        print_json(lines)
    else:
        _show(lines, since)
    if uncounted := [answer["agent"] for answer in told if not answer["counted"]]:
        click.echo(
            f"not counted, since AGENTS_MODELS is not set: {', '.join(uncounted)}; see docs/models.md",
            err=True,
        )
    for problem in problems:
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    ctx.exit(ExitCode.NOT_READY if problems else ExitCode.OK)


def _ask(clients: dict[str, AgentClient], since: str) -> tuple[list[JsonObject], list[CommandError]]:
    told, problems = [], []
    with waiting("asking the agents"):
        for client in clients.values():
            try:
                told.append(client.get(f"/costs?since={since}"))
            except CommandError as problem:
                problems.append(problem)
    return told, problems


def _show(lines: list[JsonObject], since: str) -> None:
    out = console()
    if not lines:
        out.print(f"nothing was spent since {since}", markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("day", "agent", "task", "model"):
        table.add_column(column, no_wrap=True)
    for column in ("calls", "cached", "tokens in", "tokens out", "cost"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in sorted(lines, key=lambda line: (line["day"], line["agent"], line["task"], line["model"])):
        table.add_row(*map(Text, _cells(line)))
    table.add_section()
    for currency in sorted({line["currency"] or "" for line in lines}):
        table.add_row(*map(Text, _cells(_total(lines, currency))), style="bold")
    out.print(table, soft_wrap=False)


def _cells(line: JsonObject) -> list[str]:
    numbers = ("calls", "answers_from_cache", "input_tokens", "output_tokens")
    money = f"{line['cost']:,.4f} {line['currency'] or ''}".strip()
    return [
        *(one_line(line[name]) for name in ("day", "agent", "task", "model")),
        *(f"{line[name]:,}" for name in numbers),
        money,
    ]


def _total(lines: list[JsonObject], currency: str) -> JsonObject:
    mine = [line for line in lines if (line["currency"] or "") == currency]
    sums: dict[str, Any] = {
        name: sum(line[name] for line in mine)
        for name in ("calls", "answers_from_cache", "input_tokens", "output_tokens", "cost")
    }
    return {"day": "all", "agent": "", "task": "", "model": "", "currency": currency, **sums}
