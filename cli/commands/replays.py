"""`agents dead-letters replay`, `replay-all` and `drop`: what becomes of work that failed for good."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sized
from functools import partial

import click

from cli.asking import is_busy
from cli.client import AgentClient, agent_clients, chosen, nothing_answers
from cli.dead_letters import Letters, Wanted, can_be_replayed, drop_letter, replay_letter, where_option
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.given import given_ids
from cli.local.instance import find_instance
from cli.output import print_json
from cli.progress import waiting
from cli.readable import one_line
from cli.refusals import takes_login
from domain.json import JsonObject

PATIENCE = 60.0
"""Seconds for which an agent that is full or lacks something is asked again."""
PAUSE = 1.0
SHOWN = 20
"""Failures that are told one by one."""

Failures = list[JsonObject]

agent_option = click.option("--agent", help="Ask this agent alone.")
ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True)


@click.command(epilog="Example: agents dead-letters replay 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e")
@ids_argument
@agent_option
@click.option("--json", "as_json", is_flag=True, help="Print what became of each as a JSON array.")
@click.pass_context
def replay(ctx: click.Context, *, ids: tuple[str, ...], agent: str | None, as_json: bool) -> None:
    """Do the work of dead letters again, each as a new execution of the agent that failed. `-`: IDs on standard input.

    Twice is the same as once. Exit code 0, 1 when a letter cannot be replayed, 3 or 4 when an agent that may know it does not
    answer, 9 when there is no such dead letter.
    """
    clients = chosen(agent_clients(), (agent,) if agent else ())
    done, failed = _each(given_ids(ids), lambda one: replay_letter(clients, one))
    if as_json:
        print_json([*done, *failed])
    else:
        for one in done:
            click.echo(f"replayed: {one['id']} as {one['execution_id']} ({one['agent']})")
        if len(done) == 1:
            click.echo(f"next: {find_instance().command('chain -f', done[0]['execution_id'])}")
    _end(ctx, failed)


@click.command(
    epilog="Example: agents dead-letters replay-all implementation --where cause=model_misconfigured --yes"
)
@click.argument("names", metavar="[AGENT]...", nargs=-1)
@where_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print counts and what became of each as JSON; needs --yes."
)
@click.pass_context
def replay_all(
    ctx: click.Context, *, names: tuple[str, ...], where: dict[str, str], yes: bool, as_json: bool
) -> None:
    """Replay all open dead letters of which the conditions hold; of all agents unless some are named.

    They are counted and shown first. What fails again becomes a new dead letter. Letters whose original is not whole, or
    was no work, are left out. Interrupted, the same command goes on with the rest.

    Exit code 0, 1 when some cannot be replayed, 3 when no agent answers, 4 when one of several does not, 9 when there
    is no such agent.
    """
    if as_json and not yes:
        raise click.UsageError("--json needs --yes")
    clients = chosen(agent_clients(), names)
    letters = Letters(clients)
    with waiting("counting dead letters"):
        found = list(letters.newest_first(Wanted("open", where)))
    meant = [(str(one["agent"]), str(one["id"]), str(one["cause"])) for one in found if can_be_replayed(one)]
    left_out = [str(one["id"]) for one in found if not can_be_replayed(one)]
    if len(letters.problems) == letters.agents:
        raise nothing_answers(list(letters.problems.values()))
    for problem in letters.problems.values():
        click.echo(f"{problem.message}; {problem.hint}", err=True)
    if left_out:
        click.echo(f"{_letters(left_out)} cannot be replayed: publish them again, mended", err=True)
    if meant and not yes:
        _confirm(meant)
    done, failed = _replay_in_turn(clients, meant)
    if as_json:
        print_json({"found": len(found), "left_out": left_out, "replayed": done, "failed": failed})
    elif found:
        click.echo(
            f"replayed {len(done)} of {len(meant)}" + (f", left {len(left_out)} out" if left_out else "")
        )
    else:
        click.echo("no dead letters of that kind")
    if failed:
        _end(ctx, failed)
    ctx.exit(ExitCode.NOT_READY if letters.problems else ExitCode.OK)


@click.command(
    epilog="Example: agents dead-letters drop 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e --reason 'a test'"
)
@ids_argument
@click.option("--reason", required=True, help="Why it need not be done; kept with the letter.")
@agent_option
@click.option("--json", "as_json", is_flag=True, help="Print what became of each as a JSON array.")
@click.pass_context
def drop(ctx: click.Context, *, ids: tuple[str, ...], reason: str, agent: str | None, as_json: bool) -> None:
    """Put dead letters aside for good: they are listed no more, unless --state asks for them. `-`: IDs on standard input.

    Exit code 0, 1 when one is settled already, 2 when the reason does not fit, 3 or 4 when an agent that may know it does
    not answer, 9 when there is no such dead letter.
    """
    if not reason.strip():
        raise click.UsageError("--reason is empty: whoever looks at it later wants to know")
    clients = chosen(agent_clients(), (agent,) if agent else ())
    done, failed = _each(given_ids(ids), lambda one: drop_letter(clients, one, reason))
    if as_json:
        print_json([*done, *failed])
    else:
        for one in done:
            click.echo(f"dropped: {one['id']} ({one['agent']})")
    _end(ctx, failed)


def _each(ids: list[str], act: Callable[[str], JsonObject]) -> tuple[list[JsonObject], Failures]:
    """What became of each. The only one's failure is raised: it is the command's."""
    done, failed = [], []
    patience = PATIENCE
    for one in ids:
        try:
            done.append({"id": one, **_patiently(partial(act, one), patience)})
        except CommandError as problem:
            if len(ids) == 1:
                raise
            if is_busy(problem):
                patience = 0.0  # it was waited for: not once more for each
            failed.append(_failure(one, problem))
    return done, failed


def _replay_in_turn(
    clients: Mapping[str, AgentClient], meant: list[tuple[str, str, str]]
) -> tuple[list[JsonObject], Failures]:
    done: list[JsonObject] = []
    failed: Failures = []
    away: dict[str, CommandError] = {}
    try:
        with waiting(f"replaying {_letters(meant)}") as say:
            for agent, letter, _ in meant:
                try:
                    if agent in away:
                        raise away[agent]
                    answer = _patiently(partial(replay_letter, {agent: clients[agent]}, letter), PATIENCE)
                    done.append({"id": letter, **answer})
                except CommandError as problem:
                    failed.append(_failure(letter, problem))
                    if problem.code in {ExitCode.NOT_RUNNING, ExitCode.NOT_READY}:
                        away[agent] = problem  # and was waited for: not once more for each letter
                say(f"replayed {len(done)} of {len(meant)}" + (f", {len(failed)} failed" if failed else ""))
    except KeyboardInterrupt:
        raise CommandError(
            f"interrupted; {len(done)} of {len(meant)} are replayed",
            hint="the same command goes on with the rest",
            code=ExitCode.INTERRUPTED,
        ) from None
    return done, failed


def _patiently(act: Callable[[], JsonObject], patience: float) -> JsonObject:
    """Again while the agent is full: it says so before it takes the work."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return act()
        except CommandError as problem:
            if not is_busy(problem) or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE)


def _confirm(meant: list[tuple[str, str, str]]) -> None:
    counts = Counter((agent, cause) for agent, _, cause in meant)
    for (agent, cause), count in counts.most_common():
        click.echo(f"{count:6}  {one_line(agent)}: {one_line(cause)}", err=True)
    if not somebody_is_there():
        raise click.UsageError(f"{_letters(meant)} would be replayed: --yes does it")
    click.confirm(f"Replay {_letters(meant)}?", abort=True, err=True)


def somebody_is_there() -> bool:
    """To be asked."""
    return sys.stdin.isatty()


def _letters(counted: Sized) -> str:
    return "1 dead letter" if len(counted) == 1 else f"{len(counted)} dead letters"


def _failure(letter: str, problem: CommandError) -> JsonObject:
    hint = {"hint": problem.hint} if takes_login(problem) else {}
    return {"id": letter, "error": problem.message, "exit_code": int(problem.code), **hint}


def _end(ctx: click.Context, failed: Failures) -> None:
    """Say what failed; the exit code they have in common, else 1."""
    for one in failed[:SHOWN]:
        click.echo(f"failed: {one['id']}: {one['error']}", err=True)
    if len(failed) > SHOWN:
        click.echo(f"and {len(failed) - SHOWN} more; --json has them all", err=True)
    for hint in {one["hint"] for one in failed if "hint" in one}:
        click.echo(f"  {hint}", err=True)
    codes = {one["exit_code"] for one in failed}
    ctx.exit(codes.pop() if len(codes) == 1 else ExitCode.FAILED if codes else ExitCode.OK)
