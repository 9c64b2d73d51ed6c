"""`agents tasks`: what the agents can be asked to do."""

from typing import Any

import click
from rich.table import Table
from rich.text import Text

from cli.client import AgentClient, agent_clients, chosen, nothing_answers
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.fields import fields_of
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import one_line
from domain.json import JsonObject

EPILOG = "Example: agents tasks test-planning"


@click.command(epilog=EPILOG)
@click.argument("agent", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the tasks with their JSON schemas and examples.")
@click.pass_context
def command(ctx: click.Context, *, agent: str | None, as_json: bool) -> None:
    """List what the agents do: each task, the events that start it, and the fields it needs.

    Exit code 0, 3 when no agent answers, 4 when one of several does not, 9 when there is no such agent.
    """
    clients = chosen(agent_clients(), (agent,) if agent else ())
    found, problems = _ask(clients)
    if not found:
        raise nothing_answers(problems)
    if as_json:
        print_json([{"agent": name, "tasks": tasks} for name, tasks in found.items()])
    else:
        _show(found)
    for problem in problems:
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    ctx.exit(ExitCode.NOT_READY if problems else ExitCode.OK)


def _ask(clients: dict[str, AgentClient]) -> tuple[dict[str, list[JsonObject]], list[CommandError]]:
    found, problems = {}, []
    with waiting("asking the agents"):
        for name, client in clients.items():
            try:
                found[name] = client.tasks()
            except CommandError as problem:
                problems.append(problem)
    return found, problems


def _show(found: dict[str, list[JsonObject]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("agent", no_wrap=True)
    table.add_column("task", no_wrap=True, style="bold")
    for column in ("what it does", "needs", "started by"):
        table.add_column(column)
    for name, tasks in found.items():
        for index, task in enumerate(tasks):
            table.add_row(
                "" if index else name, *map(Text, _cells(task)), end_section=index + 1 == len(tasks)
            )
    out = console()
    out.print(table, soft_wrap=False)
    first, first_tasks = next(iter(found.items()))
    if first_tasks:
        out.print(f"\nhow to run one: agents run {first} {first_tasks[0]['name']} --help", markup=False)


def _cells(task: JsonObject) -> tuple[str, str, str, str]:
    described: Any = task["description"] or ""
    return (
        one_line(task["name"]),
        one_line(described.partition("\n\n")[0].replace("\n", " ")),
        ", ".join(field.name for field in fields_of(task["input"]) if field.required) or "–",
        ", ".join(event.removeprefix("agents.") for event in task["reacts_to"]) or "–",
    )
