"""`agents executions show`: one unit of work, told from its record; running it once more is in `trials`."""

import click
from rich.console import Console
from rich.text import Text

from cli.asking import first_known
from cli.client import AgentClient, agent_clients, chosen
from cli.commands.trials import replay
from cli.local.instance import find_instance
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import age, clock, duration, one_line, value_lines, when
from cli.story import attempts_of, story_lines
from domain.json import JsonObject

COLOURS = {"completed": "green", "failed": "red", "running": "cyan", "waiting": "yellow"}


@click.group(epilog="Example: agents executions show 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e")
def command() -> None:
    """Look at executions: each is one unit of work of one agent."""


command.add_command(replay)


@command.command(epilog="Example: agents executions show 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e --json")
@click.argument("execution_id", metavar="ID")
@click.option("--agent", help="Ask this agent alone.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record as JSON, events as whole CloudEvents."
)
def show(*, execution_id: str, agent: str | None, as_json: bool) -> None:
    """Tell the story of an execution: why it began, who worked on it and why each attempt ended, what it waits for,
    prompt, model, output, events and their publication, error, replays.

    Every agent is asked, since an id does not say whose it is. Exit code 0, 3 or 4 when an agent that may
    know it does not answer, 9 when none knows it.
    """
    record = find(chosen(agent_clients(), (agent,) if agent else ()), execution_id)
    if as_json:
        print_json(record)
    else:
        _tell(console(), record)


def find(clients: dict[str, AgentClient], execution_id: str) -> JsonObject:
    hint = "records are kept for AGENTS_RETENTION_DAYS; `agents chain` takes correlation ids, too"
    with waiting(f"looking for execution {execution_id}"):
        agent, record = first_known(
            clients, lambda client: client.execution(execution_id), f"the execution {execution_id}", hint
        )
        if record["status"] == "failed":
            # A record never changes: what became of it afterwards is written in its dead letter.
            letter = clients[agent].find(f"/dead-letters/{execution_id}")
            record["replayed_as"] = letter["replayed_as"] if letter else None
    return record


def _tell(out: Console, record: JsonObject) -> None:
    status = record["status"]
    took = f" in {duration(record['duration_ms'] / 1000)}" if "duration_ms" in record else ""
    title = Text.assemble(f"{record['agent']}/{record['task']} ", (status, COLOURS.get(status, "")), took)
    title.stylize("bold", 0, len(title) - len(status) - len(took))
    out.print(title)
    for name, text in _facts(record):
        out.print(Text.assemble("  ", (f"{name:12}", "cyan"), one_line(text)))
    told = list(story_lines(record))
    if told:
        out.print(Text("\nstory", style="bold"))
    for line in told:
        out.print(line)
    if record.get("error"):
        _section(out, "error", record["error"]["message"])
        if record["error"]["details"]:
            _section(out, "details", record["error"]["details"])
    if record.get("output") is not None:
        _section(out, "output", record["output"])
    for event in record.get("events", []):
        out.print(Text(f"\nevent {one_line(event['type'])}  {one_line(event['id'])}", style="bold"))
        same = event.get("data") == record.get("output")
        for line in value_lines("the same as the output" if same else event.get("data"), 1):
            out.print(line)
    if record.get("changes"):
        _section(out, "changes", record["changes"])
    if record.get("unapplied"):
        _section(out, "not applied, since the change raised", record["unapplied"])
    verb = "chain"
    if any(event["type"].endswith(".dead-letter") for event in record.get("events", [])):
        verb = "dead-letters show"
    out.print(f"\nnext: {find_instance().command(verb, record['execution_id'])}", markup=False, style="dim")


def _facts(record: JsonObject) -> list[tuple[str, str]]:
    facts = [
        ("execution", record["execution_id"]),
        ("correlation", record["correlation_id"]),
        ("trigger", _trigger(record)),
        ("attempts", attempts_of(record)),
    ]
    facts += [
        (name.replace("_", " "), record[name]) for name in ("replay_of", "replayed_as") if record.get(name)
    ]
    if "completed_at" in record:
        facts.append(("time", f"{when(record['started_at'])} to {clock(record['completed_at'])}"))
    elif record.get("started_at"):
        facts.append(("time", f"since {when(record['started_at'])}, for {age(record['started_at'])}"))
    if prompt := record.get("prompt"):
        facts.append(("prompt", f"{prompt['name']} {prompt['version']} ({prompt['content_hash'][:12]})"))
    if record.get("model"):
        usage = record["usage"]
        facts.append(("model", record["model"]))
        facts.append(("tokens", f"{usage['input_tokens']} in, {usage['output_tokens']} out"))
    return facts


def _trigger(record: JsonObject) -> str:
    source, key = record["trigger_source"], record["trigger_key"]
    if source.startswith("/callers/"):
        return f"a request over HTTP, idempotency key {key}"
    return f"event {key} from {source}"


def _section(out: Console, name: str, value: object) -> None:
    out.print(Text(f"\n{name}", style="bold"))
    for line in value_lines(value, 1):
        out.print(line)
