"""`agents executions replay`: recorded work done again without consequences, both answers side by side."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.asking import first_known
from cli.client import AgentClient, agent_clients, chosen
from cli.commands.task import REQUEST_PATIENCE
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.given import given_ids
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import duration, one_line, value_lines
from cli.refusals import takes_login
from domain.json import JsonObject

SIDES = ("recorded", "tried")


@dataclass(frozen=True)
class Instead:
    """What is asked instead of what is in use: versions as `[NAME=]VERSION`, and a model."""

    prompts: tuple[str, ...]
    model: str | None


@click.command(
    epilog="""\b
Examples: agents executions replay 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e --prompt 1.1.0
          agents executions replay --prompt generate-code=1.1.0 - < ids.txt"""
)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="[NAME=]VERSION",
    help="Ask this version, a draft or a release; without NAME of the prompt that was asked.",
)
@click.option("--model", help="Ask this model: of the file of models, or another of the same provider.")
@click.option("--agent", help="Ask this agent alone.")
@click.option(
    "--parallel",
    default=4,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many at a time; an agent runs 8 of them at once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line for each, when it is done.")
@click.pass_context
def replay(
    ctx: click.Context,
    *,
    ids: tuple[str, ...],
    prompts: tuple[str, ...],
    model: str | None,
    agent: str | None,
    parallel: int,
    as_json: bool,
) -> None:
    """Run recorded executions again and compare: what each gave then, and what its input gives now.

    Nothing is published, stored or sent, so it can be done as often as wanted; the model is asked, and paid. Entities are
    read as they are now. `-`: IDs on standard input. Several end in a summary.

    Exit code 0 when all could be run, whatever they gave; 1 when some could not, 3 or 4 when an agent that may know one does
    not answer, 9 when none knows it.
    """
    meant = given_ids(ids)
    clients = chosen(agent_clients(), (agent,) if agent else ())
    out = console()
    done: list[JsonObject] = []
    failed: list[CommandError] = []
    with waiting(f"running {_executions(len(meant))}") as say:
        for one, found in _each(clients, meant, Instead(prompts, model), parallel):
            if isinstance(found, CommandError):
                failed.append(found)
                if len(meant) > 1:
                    click.echo(f"failed: {one}: {found.message}", err=True)
            else:
                done.append(found)
                if as_json:
                    print_json(found, indent=None)
                elif len(meant) > 1:
                    out.print(_line(found))
            say(f"ran {len(done) + len(failed)} of {len(meant)}")
    if len(meant) == 1 and failed:
        raise failed[0]
    if not as_json and done:
        _summarise(out, done) if len(meant) > 1 else _compare(out, done[0])
    for hint in {problem.hint for problem in failed if takes_login(problem)}:
        click.echo(f"  {hint}", err=True)
    codes = {int(problem.code) for problem in failed}
    ctx.exit(codes.pop() if len(codes) == 1 else ExitCode.FAILED if codes else ExitCode.OK)


def _each(
    clients: Mapping[str, AgentClient], ids: list[str], instead: Instead, parallel: int
) -> Iterator[tuple[str, JsonObject | CommandError]]:
    """What came of each, in the order given; on Ctrl-C what has not begun is not begun."""

    def one(execution: str) -> JsonObject | CommandError:
        try:
            return _try(clients, execution, instead)
        except CommandError as problem:
            return problem

    with ThreadPoolExecutor(parallel) as threads:
        try:
            yield from zip(ids, threads.map(one, ids), strict=True)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _try(clients: Mapping[str, AgentClient], execution: str, instead: Instead) -> JsonObject:
    hint = "records are kept for AGENTS_RETENTION_DAYS"
    agent, record = first_known(
        clients, lambda client: client.execution(execution), f"the execution {execution}", hint
    )
    body = {
        "prompts": _versions(record, instead.prompts),
        **({"model": instead.model} if instead.model else {}),
    }
    found: JsonObject = (
        clients[agent]
        .call("POST", f"/executions/{execution}/trial", body, patience=REQUEST_PATIENCE)
        .document
    )
    return found


def _versions(record: JsonObject, prompts: Iterable[str]) -> dict[str, str]:
    versions = {}
    for given in prompts:
        name, _, version = given.rpartition("=")
        if not name and not record.get("prompt"):
            raise CommandError(
                "it asked no prompt", hint="without --prompt it can be run as it is", code=ExitCode.USAGE
            )
        versions[name or record["prompt"]["name"]] = version
    return versions


def _compare(out: Console, found: JsonObject) -> None:
    table = Table(box=None, pad_edge=False, expand=out.is_terminal)
    table.add_column("")
    for side in SIDES:
        table.add_column(side, ratio=1, overflow="fold")
    then, now = (found[side] for side in SIDES)
    for name, cell in (
        ("status", _status),
        ("prompt", _prompt),
        ("model", _model),
        ("time", _time),
        ("tokens", _tokens),
        ("cost", _cost),
    ):
        table.add_row(Text(name, style="cyan"), cell(then), cell(now))
    table.add_row()
    table.add_row(Text("result", style="cyan"), *_marked(list(_lines(then)), list(_lines(now))))
    out.print(f"{found['agent']}/{found['task']} {found['execution_id']}", style="bold", markup=False)
    out.print(table)
    out.print(f"\n{_verdict(found)}; nothing was published, stored or sent")


def _lines(side: JsonObject) -> Iterator[Text]:
    yield from value_lines(side["error"]["message"] if side["error"] else side["output"])
    for event in side["events"]:
        if event["data"] != side["output"]:
            yield Text(one_line(event["type"]), style="bold")
            yield from value_lines(event["data"], 1)


def _marked(then: list[Text], now: list[Text]) -> tuple[Text, Text]:
    """The lines of both, those that the other does not have in colour."""
    same = SequenceMatcher(None, [line.plain for line in then], [line.plain for line in now], autojunk=False)
    for kind, a, b, c, d in same.get_opcodes():
        if kind != "equal":
            for line in then[a:b]:
                line.stylize("red")
            for line in now[c:d]:
                line.stylize("green")
    return Text("\n").join(then), Text("\n").join(now)


def _summarise(out: Console, done: list[JsonObject]) -> None:
    out.print()
    for verdict, count in Counter(map(_verdict, done)).most_common():
        out.print(f"{count:5}  {verdict}", markup=False)
    table = Table(box=None, pad_edge=False)
    for head in ("", *SIDES):
        table.add_column(head, justify="right" if head else "left")
    rows: tuple[tuple[str, Any], ...] = (
        ("completed", lambda sides: str(sum(side["status"] == "completed" for side in sides))),
        ("median time", lambda sides: duration(median(side["duration_ms"] for side in sides) / 1000)),
        ("tokens in", lambda sides: str(sum(side["usage"]["input_tokens"] for side in sides))),
        ("tokens out", lambda sides: str(sum(side["usage"]["output_tokens"] for side in sides))),
        ("cost", lambda sides: f"{sum(side['cost'] or 0 for side in sides):,.4f}"),
    )
    for name, value in rows:
        table.add_row(name, *(value([one[side] for one in done]) for side in SIDES))
    out.print(table)


def _line(found: JsonObject) -> Text:
    now = found["tried"]
    return Text(f"{found['execution_id']}  {found['agent']}/{found['task']}  {_verdict(found)}  {_time(now)}")


def _verdict(found: JsonObject) -> str:
    then, now = (found[side] for side in SIDES)
    if then["status"] != now["status"]:
        return f"{then['status']} then, {now['status']} now"
    if then["status"] == "failed":
        return "failed both times"
    return "the same output" if then["output"] == now["output"] else "another output"


def _status(side: JsonObject) -> Text:
    return Text(side["status"], style="green" if side["status"] == "completed" else "red")


def _prompt(side: JsonObject) -> str:
    return f"{side['prompt']['name']} {side['prompt']['version']}" if side["prompt"] else "none"


def _model(side: JsonObject) -> Text:
    return Text(one_line(side["model"] or "none"))


def _time(side: JsonObject) -> str:
    return duration(side["duration_ms"] / 1000)


def _tokens(side: JsonObject) -> str:
    return f"{side['usage']['input_tokens']} in, {side['usage']['output_tokens']} out"


def _cost(side: JsonObject) -> str:
    return "no price" if side["cost"] is None else f"{side['cost']:,.4f}"


def _executions(count: int) -> str:
    return "1 execution" if count == 1 else f"{count} executions"
