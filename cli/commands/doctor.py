"""`agents doctor`: is this machine fit, and are the project's files right?"""

import asyncio
import dataclasses

import click
from pydantic import ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.checks import look
from cli.local.instance import find_instance
from cli.local.settings import read_settings
from cli.output import print_json
from infrastructure.host.settings import Settings, explain

EPILOG = "Example: agents doctor --settings"
_MARKS = {
    "ok": click.style("✓", fg="green"),
    "note": click.style("•", fg="yellow"),
    "wrong": click.style("✗", fg="red"),
}


@click.command(epilog=EPILOG)
@click.option("--settings", is_flag=True, help="Print every setting with its meaning; secrets are not shown.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, *, settings: bool, as_json: bool) -> None:
    """Check versions, ports, disk, stale files, dapr.yaml, components and prompts. Changes nothing.

    Exit code 0 when nothing is wrong, 6 when something is.
    """
    if settings:
        _show_settings(as_json=as_json)
        return
    findings = asyncio.run(look(find_instance()))
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.level]} {finding.check:13} {finding.text}")
    ctx.exit(ExitCode.INVALID if any(finding.level == "wrong" for finding in findings) else ExitCode.OK)


def _show_settings(*, as_json: bool) -> None:
    local = read_settings(find_instance().environment)
    try:
        settings = Settings()
    except ValidationError as error:
        raise CommandError(explain(error), code=ExitCode.INVALID) from None
    rows = [
        {
            "name": field.validation_alias or name,
            "value": _written(getattr(holder, name)),
            "meaning": field.description,
        }
        for holder in (settings, local)
        for name, field in type(holder).model_fields.items()
    ]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['name']}={row['value']}\n    {row['meaning']}")


def _written(value: object) -> str:
    """As one would set it."""
    return ",".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, dict) else str(value)
