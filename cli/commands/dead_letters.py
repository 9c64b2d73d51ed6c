"""`agents dead-letters`: work that failed for good; listing and looking here, replaying and dropping in `replays`."""

from itertools import islice

import click
from rich.console import Console
from rich.text import Text

from cli.client import agent_clients, chosen, nothing_answers
from cli.commands.replays import drop, replay, replay_all
from cli.dead_letters import PAGE, Letters, Wanted, can_be_replayed, read_letter, where_option
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import age, clipped, one_line, value_lines, when
from cli.story import story_lines
from domain.json import JsonObject

EPILOG = """\b
Examples: agents dead-letters list implementation --where cause=rejected --where after=2026-11-20
          agents dead-letters replay-all --where cause=model_misconfigured
          agents dead-letters list --json | jq -r '.[].id' | agents dead-letters replay -"""
SHORTEST_MESSAGE, LONGEST_MESSAGE = 12, 60
GAP = 2
_STATES = {"open": "red", "replayed": "green", "dropped": "dim"}


@click.group(epilog=EPILOG)
def command() -> None:
    """Dead letters: work that failed for good, kept with what it was, so that it can be done again or dropped.

    A replay is a new execution of the agent that failed, and of no other. Replayed again, a letter gives the same one.
    """


command.add_command(replay)
command.add_command(replay_all)
command.add_command(drop)


@command.command(
    "list", epilog="Example: agents dead-letters list --where cause=rejected --json | jq '.[].message'"
)
@click.argument("names", metavar="[AGENT]...", nargs=-1)
@where_option
@click.option(
    "--state",
    type=click.Choice(["open", "replayed", "dropped", "all"]),
    default="open",
    show_default=True,
    help="Open ones wait for a decision.",
)
@click.option(
    "--limit", "-n", default=50, show_default=True, type=click.IntRange(0), help="At most so many; 0: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@click.pass_context
def list_(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    where: dict[str, str],
    state: str,
    limit: int,
    as_json: bool,
) -> None:
    """List dead letters, the newest first; of all agents unless some are named.

    Exit code 0, 3 when no agent answers, 4 when one of several does not, 9 when there is no such agent.
    """
    letters = Letters(chosen(agent_clients(), names))
    with waiting("asking the agents"):
        one_more = limit + 1 if limit else None
        found = list(
            islice(letters.newest_first(Wanted(state, where), min(one_more or PAGE, PAGE)), one_more)
        )
    if len(letters.problems) == letters.agents:
        raise nothing_answers(list(letters.problems.values()))
    shown = found[: limit or None]
    if as_json:
        print_json(shown)
    else:
        _show_list(shown, state)
    if len(found) > len(shown):
        click.echo(f"there are more: --limit {limit * 4} or --limit 0 shows them", err=True)
    for problem in letters.problems.values():
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    ctx.exit(ExitCode.NOT_READY if letters.problems else ExitCode.OK)


@command.command(epilog="Example: agents dead-letters show 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e")
@click.argument("letter_id", metavar="ID")
@click.option("--agent", help="Ask this agent alone.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, the original event whole.")
def show(*, letter_id: str, agent: str | None, as_json: bool) -> None:
    """Tell why work failed: its cause, every attempt, and the original event or request; and how to do it again.

    ID is the failed execution's. Exit code 0, 3 or 4 when an agent that may have it does not answer, 9 when none has such
    a dead letter.
    """
    clients = chosen(agent_clients(), (agent,) if agent else ())
    with waiting(f"looking for dead letter {letter_id}"):
        letter = read_letter(clients, letter_id)
    if as_json:
        print_json(letter)
    else:
        _tell(console(), letter)


def _show_list(letters: list[JsonObject], state: str) -> None:
    if not letters:
        click.echo("no dead letters" if state == "all" else f"no {state} dead letters")
        return
    lost = not all(map(can_be_replayed, letters))
    further = [*(["state"] if state == "all" else []), *(["replay"] if lost else [])]
    columns = ["age", "agent", "task", "cause", "message", *further, "id"]
    cells = [
        {**letter, "age": age(letter["last_seen"]), "replay": "" if can_be_replayed(letter) else "no"}
        for letter in letters
    ]
    rows = [[one_line(row[column]) for column in columns] for row in cells]
    out = console()
    widths = [max(map(len, texts)) for texts in zip(columns, *rows, strict=True)]
    # The message gives way, nothing else: an id that is cut off is of no use.
    place = columns.index("message")
    room = out.width - sum(widths) + widths[place] - GAP * (len(columns) - 1)
    widths[place] = min(widths[place], max(room, SHORTEST_MESSAGE), LONGEST_MESSAGE)
    for style, row in (("bold", columns), *(("", row) for row in rows)):
        padded = [f"{clipped(text, width):{width}}" for text, width in zip(row, widths, strict=True)]
        out.print(Text((" " * GAP).join(padded).rstrip(), style=style))


def _tell(out: Console, letter: JsonObject) -> None:
    state = letter["state"]
    name = f"{letter['agent']}/{letter['task']}"
    out.print(Text.assemble((name, "bold"), " dead letter, ", (state, _STATES.get(state, ""))))
    for fact, text in _facts(letter):
        out.print(Text.assemble("  ", (f"{fact:12}", "cyan"), one_line(text)))
    out.print(Text("\nstory", style="bold"))
    for line in story_lines(letter):
        out.print(line)
    error = letter.get("error") or {}
    if error.get("details"):
        _section(out, "details", error["details"])
    _section(
        out,
        "original" if can_be_replayed(letter) else "original, what is left of it",
        letter["original"],
    )
    out.print(f"\n{_next(letter)}", markup=False)


def _facts(letter: JsonObject) -> list[tuple[str, str]]:
    facts = [
        ("id", letter["id"]),
        ("cause", letter["cause"]),
        ("message", letter["message"]),
        ("event", f"{letter['event_type'] or 'none'}  {letter['event_id']} from {letter['source']}"),
        ("size", f"{letter['size']} bytes"),
        ("first seen", when(letter["first_seen"])),
        ("last seen", f"{when(letter['last_seen'])}, {age(letter['last_seen'])} ago"),
        ("correlation", letter["correlation_id"] or ""),
    ]
    if prompt := letter.get("prompt"):
        facts.append(("prompt", f"{prompt['name']} {prompt['version']} ({prompt['content_hash'][:12]})"))
    if letter.get("replay_of"):
        facts.append(("replay of", letter["replay_of"]))
    if letter["state"] == "replayed":
        facts.append(("replayed as", f"{letter['replayed_as']}, {when(letter['changed_at'])}"))
    if letter["state"] == "dropped":
        facts.append(("dropped", f"{when(letter['changed_at'])}: {letter['dropped_because']}"))
    return facts


def _section(out: Console, name: str, value: object) -> None:
    out.print(Text(f"\n{name}", style="bold"))
    for line in value_lines(value, 1):
        out.print(line)


def _next(letter: JsonObject) -> str:
    """What can be done with it, as a command to type."""
    instance = find_instance()
    if letter["state"] == "replayed":
        return f"next: {instance.command('executions show', letter['replayed_as'])}"
    if letter["state"] == "dropped":
        return "it was dropped, and is not done again"
    if not can_be_replayed(letter):
        return "it cannot be replayed: publish it again, mended"
    return f"do it again: {instance.command('dead-letters replay', letter['id'], '--agent', letter['agent'])}"
