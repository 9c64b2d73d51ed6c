"""`agents prompts list`: every prompt, its versions and their states, and which one is served."""

from dataclasses import dataclass

import click
from rich.text import Text

from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.prompts import COLOURS, folder_to_read, json_option, lock_of, place_option
from cli.readable import one_line
from domain.json import JsonObject
from infrastructure.located_yaml.problem import Problem
from infrastructure.prompts.releases.lock import Lock
from infrastructure.prompts.shelf import Shelf, find_shelves


@dataclass(frozen=True)
class _Found:
    shelves: list[Shelf]
    problems: list[Problem]


@click.command("list", epilog="Example: agents prompts list service-desk --json | jq '.[].served'")
@click.argument("names", metavar="[AGENT[/PROMPT]]...", nargs=-1)
@place_option
@json_option
@click.pass_context
def list_(ctx: click.Context, *, names: tuple[str, ...], place: str | None, as_json: bool) -> None:
    """List prompts with their versions: draft, released or deprecated; an arrow marks the one that is served.

    Exit code 0, 6 when the lock or a released file is not as it should be, 9 when there is no such prompt.
    """
    root = folder_to_read(place)
    lock = lock_of(root)
    agents = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = _Found([], [])
    for agent in agents:
        _add(found, *find_shelves(agent, lock), names)
    if as_json:
        print_json([_as_json(shelf) for shelf in found.shelves])
    else:
        _show(found.shelves)
    for problem in found.problems:
        click.echo(str(problem), err=True)
    if names and not found.shelves:
        click.echo(f"there is no prompt {', '.join(names)}; `agents prompts list` shows all", err=True)
        ctx.exit(ExitCode.NOT_FOUND)
    ctx.exit(ExitCode.INVALID if _wrong(found, lock) else ExitCode.OK)


def _add(found: _Found, shelves: list[Shelf], problems: list[Problem], names: tuple[str, ...]) -> None:
    wanted = [shelf for shelf in shelves if not names or {shelf.agent, shelf.title} & set(names)]
    found.shelves.extend(wanted)
    if wanted:
        found.problems.extend(problems)


def _wrong(found: _Found, lock: Lock) -> bool:
    return any(problem.severity == "error" for problem in (*found.problems, *lock.problems))


def _as_json(shelf: Shelf) -> JsonObject:
    return {
        "agent": shelf.agent,
        "prompt": shelf.name,
        "served": shelf.served,
        "versions": [
            {
                "version": version,
                "state": state,
                "served": version == shelf.served,
                "because": (shelf.releases[version].because or None) if version in shelf.releases else None,
            }
            for version, state in shelf.states.items()
        ],
    }


def _show(shelves: list[Shelf]) -> None:
    if not shelves:
        click.echo("no prompts")
        return
    out = console()
    for shelf in shelves:
        out.print(Text(shelf.title, style="bold"))
        for version, state in reversed(list(shelf.states.items())):
            mark = "→" if version == shelf.served else " "
            because = shelf.releases[version].because if version in shelf.releases else ""
            style = COLOURS[state]
            line = Text.assemble(f"  {mark} {version:12} ", (f"{state:10}", style), f" {one_line(because)}")
            line.rstrip()
            out.print(line)
