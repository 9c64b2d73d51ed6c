"""One task as a command: its options, its input, the waiting, its result."""

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import click
from pydantic_core import PydanticSerializationError
from rich.live import Live

from cli.answering import Forming, PlainText, Show, json_lines
from cli.client import AgentClient, Answer
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.fields import Field, example_command, fields_of, given_fields, to_option
from cli.given import METAVAR, read_given
from cli.local.instance import find_instance
from cli.nearest import nearest
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import duration, one_line, safe, value_lines
from cli.refusals import Interrupted, Refusal, Unreachable
from domain.json import JsonObject, dump

TAKEN = {"input", "async", "stream", "idempotency-key", "correlation", "json", "help", "h"}
"""Names of options that every task has."""
REQUEST_PATIENCE = 330.0
"""Seconds for one answer: the agents answer 202 after 300 by default. Then it is asked for again, under the same key."""
RESTART_PATIENCE = 30.0
"""Seconds for an agent that went away in the middle to come back: it is restarted, and knows the work by its key."""
POLL = 0.5


def task_command(client: AgentClient, task: JsonObject) -> click.Command:
    """The command `agents run AGENT TASK`."""
    fields = fields_of(task["input"])
    example = example_command(client.name, task["name"], fields, task["examples"], TAKEN)

    def run(**options: Any) -> int:
        return _run(client, task, fields, options)

    return click.Command(
        task["name"],
        callback=run,
        params=[*(to_option(field, TAKEN) for field in fields), *_common_options()],
        help=f"{one_line(task['description'] or task['name'])}{_started_by(task)}",
        epilog=f"\b\nExample:\n  {safe(example)}",
    )


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--input"], metavar=METAVAR, help="The whole input as JSON; options replace its fields."),
        click.Option(["--async", "asynchronous"], is_flag=True, help="Return as soon as the work is safe."),
        click.Option(["--stream"], is_flag=True, help="Show the model's answer as it forms."),
        click.Option(
            ["--idempotency-key"],
            callback=_token,
            help="The same key with the same input runs once, and is answered again.",
        ),
        click.Option(
            ["--correlation"], callback=_token, help="Correlation id of the whole chain; `agents chain` finds it."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON; JSON lines with --stream."),
    ]  # fmt: skip


def _token(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[!-~]{1,200}", value):
        raise click.BadParameter("1 to 200 visible ASCII characters without blanks", param=param)
    return value


def _started_by(task: JsonObject) -> str:
    events = ", ".join(task["reacts_to"])
    return f"\n\nAlso started by the event {events}." if events else ""


def _run(client: AgentClient, task: JsonObject, fields: list[Field], options: dict[str, Any]) -> int:
    if options["stream"] and options["asynchronous"]:
        raise click.UsageError("--async does not wait, so there is nothing to --stream")
    value = _input(task, fields, options)
    key = options["idempotency_key"] or uuid.uuid4().hex
    headers = {"Idempotency-Key": key}
    if options["correlation"]:
        headers["X-Correlation-ID"] = options["correlation"]
    if options["asynchronous"]:
        headers["Prefer"] = "respond-async"
    try:
        if options["stream"]:
            result = _streamed(client, task["name"], value, headers, as_json=options["as_json"])
        else:
            with waiting(f"{client.name} does {task['name']}") as say:
                result = _settled(client, task["name"], value, headers, say)
    except KeyboardInterrupt:
        again = f"the same command with --idempotency-key {key} waits for it again"
        raise CommandError("interrupted; the work goes on", hint=again, code=ExitCode.INTERRUPTED) from None
    except Refusal as refusal:
        raise _in_options(refusal, fields) from None
    if options["as_json"]:
        print_json(result, indent=None if options["stream"] else 2)
    else:
        _show(result, streamed=options["stream"])
    return ExitCode.OK


def _input(task: JsonObject, fields: list[Field], options: dict[str, Any]) -> JsonObject:
    """--input with the field options on top; what is missing or unknown is said before anything is sent."""
    given = read_given("--input", options["input"]) if options["input"] is not None else {}
    if not isinstance(given, dict):
        raise click.UsageError("--input is not a JSON object: give {…}")
    value = {**given, **given_fields(fields, options)}
    names = [field.name for field in fields]
    if task["input"].get("additionalProperties") is not True:
        for name in given:
            if name not in names:
                raise click.UsageError(f"--input has an unknown field {name!r}; {nearest(name, names)}")
    missing = [field for field in fields if field.required and field.name not in value]
    if missing:
        wanted = ", ".join(field.option(TAKEN) for field in missing)
        raise click.UsageError(f"missing: {wanted} (or in --input); --help has an example that works")
    try:
        dump(value)
    except PydanticSerializationError:
        raise click.UsageError("an option holds text that is not valid in the terminal's encoding") from None
    return value


def _settled(
    client: AgentClient, task: str, value: JsonObject, headers: dict[str, str], say: Callable[[str], None]
) -> JsonObject:
    """The result; with `Prefer: respond-async`, and only then, what was accepted."""
    while True:
        # After 202 the same request under the same key waits for the same work.
        answer = _post(client, task, value, headers, say)
        document: JsonObject = answer.document
        if answer.status != 202 or "Prefer" in headers:
            return document
        say(f"{client.name} still does {task}: {document['execution_id']}")
        time.sleep(POLL)


def _post(
    client: AgentClient, task: str, value: JsonObject, headers: dict[str, str], say: Callable[[str], None]
) -> Answer:
    """Ask, and ask again under the same key when the agent goes away in the middle: that is the same work."""
    lost_at: float | None = None
    while True:
        try:
            return client.call("POST", f"/{task}", value, headers, REQUEST_PATIENCE)
        except Interrupted:
            lost_at = time.monotonic()
        except Unreachable:
            if lost_at is None or time.monotonic() - lost_at > RESTART_PATIENCE:
                raise
        say(f"{client.name} went away in the middle; waiting for the same work")
        time.sleep(POLL)


def _streamed(
    client: AgentClient, task: str, value: JsonObject, headers: dict[str, str], *, as_json: bool
) -> JsonObject:
    events = client.stream("POST", f"/{task}/stream", value, headers)
    if as_json:
        return _ended(client, events, json_lines)
    if not console().is_terminal:
        return _ended(client, events, PlainText())
    forming = Forming()
    with Live(forming, console=console(), refresh_per_second=12, transient=True):
        return _ended(client, events, forming)


def _ended(client: AgentClient, events: Iterable[tuple[str, JsonObject]], show: Show) -> JsonObject:
    """The result, once what came before was shown."""
    for name, data in events:
        if name == "result":
            return data
        if name == "error":
            raise client.refusal(data["error"])
        if name != "open":
            show(name, data)
    raise CommandError("the stream ended without a result", hint="`agents logs` tells more")


def _in_options(refusal: Refusal, fields: list[Field]) -> CommandError:
    """The agent's complaints in terms of options."""
    options = {field.name: field.option(TAKEN) for field in fields}
    lines = []
    for error in refusal.details.get("errors", []):
        name, *path = str(error.get("field", "")).split(".")
        inner = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in path)
        lines.append(f"\n  {options.get(name, name)}{inner}: {error.get('problem', '')}")
    return CommandError(safe(refusal.message + "".join(lines)), hint=refusal.hint, code=refusal.code)


def _show(result: JsonObject, *, streamed: bool) -> None:
    out = console()
    if result["status"] == "accepted":
        out.print(f"accepted: execution {result['execution_id']}", markup=False)
    else:
        if streamed and not out.is_terminal:
            out.print("\n---")
        for line in value_lines(result["output"]):
            out.print(line)
        out.print(f"\n[green]✓[/] {result['agent']}/{result['task']}{_details(result)}")
        out.print(f"  execution    {result['execution_id']}", markup=False)
        if result["correlation_id"] != result["execution_id"]:
            out.print(f"  correlation  {result['correlation_id']}", markup=False)
        for event in result["events"]:
            out.print(f"  event        {event['type']}  {event['id']}", markup=False)
    instance = find_instance()
    verb = "chain -f" if result["status"] == "accepted" or result["events"] else "executions show"
    out.print(f"next: {instance.command(verb, result['execution_id'])}", markup=False, style="dim")


def _details(result: JsonObject) -> str:
    said = [f"in {duration(result['duration_ms'] / 1000)}"]
    if result.get("model"):
        usage = result["usage"]
        said.append(f"{result['model']}, {usage['input_tokens']} + {usage['output_tokens']} tokens")
    if result.get("prompt"):
        said.append(f"prompt {result['prompt']['name']} {result['prompt']['version']}")
    if result["replayed"]:
        said.append("done before, answered again")
    return " · ".join(["", *said])
