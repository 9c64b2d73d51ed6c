"""`agents publish`: one event into the system, as a foreign publisher would."""

import shlex
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import click
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.given import METAVAR, read_given
from cli.local.instance import Instance, find_instance
from cli.local.manifest import read_manifest, shifted
from cli.nearest import nearest
from cli.output import console, print_json
from cli.progress import waiting
from cli.readable import clipped, safe
from cli.vocabulary import known_events
from domain.json import parse

EPILOG = """\b
Example: agents publish agents.servicedesk.ticket.created --data @ticket.json --correlation ticket-7"""
SOURCE = "/cli"
PATIENCE = 5.0


@click.command(epilog=EPILOG)
@click.argument("event_type", metavar="TYPE")
@click.option("--data", required=True, metavar=METAVAR, help="The payload.")
@click.option(
    "--id", "event_id", help="Event id; the same source and id are the same event. [default: a new one]"
)
@click.option("--source", default=SOURCE, show_default=True, help="Who publishes it, as a URI or path.")
@click.option("--subject", help="What the event is about.")
@click.option("--correlation", metavar="ID", help="Correlation id of the chain. [default: the event's id]")
@click.option(
    "--force", is_flag=True, help="Send it even when its type is unknown or its payload does not fit."
)
@click.option("--json", "as_json", is_flag=True, help="Print the event as JSON.")
def command(
    *,
    event_type: str,
    data: str,
    event_id: str | None,
    source: str,
    subject: str | None,
    correlation: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Publish an event of TYPE, which is also its topic, through the sidecar of an agent that runs.

    The payload of an event type of this project is checked before anything is sent.

    Exit code 0 when the broker has the event, 1 when the sidecar refuses it, 2 when type or payload do not fit, 3 when no
    sidecar answers.
    """
    payload = read_given("--data", data)
    schema = _checked(event_type, payload, force=force)
    event_id = event_id or str(uuid4())
    attributes: dict[str, Any] = {
        "id": event_id,
        "source": source,
        "type": event_type,
        "datacontenttype": "application/json",
        "correlationid": correlation or event_id,
    }
    attributes |= {
        name: value for name, value in (("subject", subject), ("dataschema", schema)) if value is not None
    }
    try:
        event = CloudEvent(attributes, payload)
    except CloudEventValidationError as error:
        problems = "; ".join(str(one) for found in error.errors.values() for one in found[:1])
        raise click.UsageError(f"no CloudEvent: {problems}") from None
    message = JSONFormat().write(event)
    instance = find_instance()
    with waiting("publishing"):
        sidecar = _publish(instance, event_type, message)
    if as_json:
        print_json(parse(message))
        return
    out = console()
    out.print(f"published {safe(event_type)} {safe(event_id)} through the sidecar of {sidecar}", markup=False)
    if event_type not in known_events():
        return  # nobody here reacts to it
    next_step = instance.command("chain -f", correlation or event_id)
    out.print(f"next: {safe(next_step)}", markup=False, style="dim")


def _checked(event_type: str, payload: Any, *, force: bool) -> str | None:
    """The dataschema of a known type whose payload fits; None with --force for all others."""
    known = known_events()
    if event_type not in known:
        if force:
            return None
        raise CommandError(
            f"no agent knows the event type {event_type!r}; {nearest(event_type, known)}",
            hint="--force publishes it all the same",
            code=ExitCode.USAGE,
        )
    try:
        known[event_type].model_validate(payload)
    except ValidationError as error:
        if force:
            return None
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"\n  {'.'.join(map(str, one['loc'])) or 'data'}: {one['msg']}" for one in found]
        raise CommandError(
            f"the payload does not fit {event_type}:{''.join(lines)}",
            hint="--force publishes it all the same",
            code=ExitCode.USAGE,
        ) from None
    return known[event_type].data_schema()


def _publish(instance: Instance, topic: str, message: bytes) -> str:
    """Hand the message to the first sidecar that answers; its agent's name."""
    pubsub = instance.environment.get("AGENTS_PUBSUB") or "agents-pubsub"
    headers = {"Content-Type": JSONFormat.CONTENT_TYPE}
    if token := instance.environment.get("DAPR_API_TOKEN"):
        headers["dapr-api-token"] = token
    path = f"/v1.0/publish/{quote(pubsub, safe='')}/{quote(topic, safe='')}"
    ports = []
    for app in read_manifest(instance.manifest):
        port = shifted(app, instance.offset).dapr_http_port
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("POST", path, message, headers)
            response = connection.getresponse()
            answer = response.read().decode(errors="replace")
        except ConnectionRefusedError:
            ports.append(str(port))
            continue
        except (OSError, HTTPException) as error:
            raise CommandError(
                f"the sidecar of {app.app_id} at port {port} did not answer: {error or type(error).__name__}",
                hint=f"the event may be out or not; --id {shlex.quote(parse(message)['id'])} sends the same one again",
            ) from None
        finally:
            connection.close()
        if response.status >= 300:
            raise _refused(instance, app.app_id, response.status, answer)
        return app.app_id
    raise CommandError(
        f"no sidecar answers at the ports {', '.join(ports)}",
        hint=f"start the agents: {instance.command('up')}",
        code=ExitCode.NOT_RUNNING,
    )


def _refused(instance: Instance, agent: str, status: int, answer: str) -> CommandError:
    if status == 401:
        return CommandError(
            f"the sidecar of {agent} asks for a token",
            hint="export its DAPR_API_TOKEN",
            code=ExitCode.INVALID,
        )
    return CommandError(
        f"the sidecar of {agent} refuses the event: {clipped(_cause(answer) or f'HTTP {status}', 300)}",
        hint=f"{instance.command('doctor')} tells more of the broker",
    )


def _cause(answer: str) -> str:
    """What the broker said, where it said something; else what the sidecar says."""
    try:
        told = parse(answer)
    except ValueError:
        return answer
    message = str(told.get("message") or answer) if isinstance(told, dict) else answer
    return message.rpartition("error from publish: ")[2]
