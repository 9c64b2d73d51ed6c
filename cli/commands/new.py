"""`agents new`: an agent, a task or a prompt, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from cli.local.instance import find_instance
from cli.output import console, print_json
from cli.progress import waiting
from cli.scaffold.change import Change
from cli.scaffold.making import new_agent, new_prompt, new_task
from infrastructure.files.writing import one_at_a_time

EPILOG = """\b
Examples: agents new agent release-notes --task write-notes --on agents.implementation.code.generated
          agents new task release-notes check-notes --dry-run"""

dry_run = click.option(
    "--dry-run", is_flag=True, help="Show the new files and the changes as a diff; write nothing."
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the files as JSON.")


@click.group(epilog=EPILOG)
def command() -> None:
    """Add an agent, a task or a prompt: everything is made in memory and checked first, then written, all or nothing.

    Names are in small letters with hyphens. The working tree may hold other changes: they stay as they are.
    """


@command.command(epilog="Example: agents new agent release-notes --on agents.implementation.code.generated")
@click.argument("name")
@click.option(
    "--task", "tasks", metavar="NAME", multiple=True, help="A task; may be repeated. [default: respond]"
)
@click.option("--on", metavar="EVENT_TYPE", help="An event type that starts the first task.")
@dry_run
@as_json_option
def agent(*, name: str, tasks: tuple[str, ...], on: str | None, dry_run: bool, as_json: bool) -> None:
    """Add an agent: its room, events, prompts with cases, tests, page, entries in dapr.yaml and Helm chart, documents.

    It passes `make check` and `make test` as it is, and runs with the next `agents up`.
    """
    root = find_instance().root
    _apply(
        root,
        lambda: new_agent(root, name, tasks, on),
        [f"agents run {name} {(tasks or ('respond',))[0]} --help", "agents up"],
        dry_run=dry_run,
        as_json=as_json,
    )


@command.command(epilog="Example: agents new task release-notes check-notes")
@click.argument("agent_id", metavar="AGENT")
@click.argument("name")
@dry_run
@as_json_option
def task(*, agent_id: str, name: str, dry_run: bool, as_json: bool) -> None:
    """Add a task to an agent: at the end of its files, with an event, a prompt with cases and a test."""
    root = find_instance().root
    next_steps = [f"agents run {agent_id} {name} --help"]
    _apply(root, lambda: new_task(root, agent_id, name), next_steps, dry_run=dry_run, as_json=as_json)


@command.command(epilog="Example: agents new prompt release-notes shorten-notes")
@click.argument("agent_id", metavar="AGENT")
@click.argument("name")
@dry_run
@as_json_option
def prompt(*, agent_id: str, name: str, dry_run: bool, as_json: bool) -> None:
    """Add a prompt to an agent, declared with its models, for a task to ask by `ctx.ask`. A new version of one that is
    there is made by `agents prompts new`.
    """
    root = find_instance().root
    _apply(root, lambda: new_prompt(root, agent_id, name), [], dry_run=dry_run, as_json=as_json)


def _apply(
    root: Path, make: Callable[[], Change], next_steps: list[str], *, dry_run: bool, as_json: bool
) -> None:
    with one_at_a_time(root):
        change = make()
        new = change.new
        changed = [path for path in change.files if path not in new]
        if not dry_run:
            with waiting("writing the generated documents"):
                change.write()
    if as_json:
        print_json({"new": new, "changed": changed, "written": not dry_run})
        return
    out = console()
    if dry_run:
        for line in change.differences():
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            out.print(line, style=style, markup=False)
        out.print("nothing was written; the generated documents under docs/ would follow", style="dim")
        return
    for path in new:
        out.print(f"new      {path}", markup=False)
    for path in changed:
        out.print(f"changed  {path}", markup=False)
    out.print("the generated documents under docs/ were written anew")
    for step in next_steps:
        out.print(f"next: {step}", markup=False)
