"""`agents keys`: API keys for callers that have no token of an issuer."""

from datetime import UTC, date, datetime

import click

from cli.output import print_json
from infrastructure.identity.key_file import line_of
from infrastructure.identity.keys import Key, digest, new_key
from infrastructure.identity.roles import Role

EPILOG = """\b
Examples: agents keys new --role operator --note "nightly replays" --expires 2027-05-01
          agents keys new --role viewer --json | jq -r .key"""
_ROLES = {role.value.removeprefix("Agents.").lower(): role for role in Role}
_NOTE = 200
"""Characters."""


@click.group(epilog=EPILOG)
def command() -> None:
    """API keys: made here, kept as hashes in the file that AGENTS_API_KEYS names."""


def _day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    del ctx, param
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("give a day, as 2027-05-01") from None
    if day <= datetime.now(UTC).date():
        raise click.BadParameter("give a day to come: from that day on (UTC) the key is refused")
    return day


def _one_line(ctx: click.Context, param: click.Parameter, value: str) -> str:
    del ctx, param
    if len(value) > _NOTE or not (value.isprintable() or not value):
        raise click.BadParameter(f"give one line of at most {_NOTE} characters")
    return value


@command.command(epilog=EPILOG)
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([*_ROLES], case_sensitive=False),
    help="What it allows (docs/security.md); may be repeated.",
)
@click.option(
    "--expires", metavar="DAY", callback=_day, help="The day from which on it is refused. [default: none]"
)
@click.option(
    "--note", default="", callback=_one_line, help="Whose it is, or what for; for those who read the file."
)
@click.option("--json", "as_json", is_flag=True, help="Print id, key and line as JSON.")
def new(*, roles: tuple[str, ...], expires: date | None, note: str, as_json: bool) -> None:
    """Make a key. It is shown once, and kept nowhere: the line for the file holds its hash alone.

    Nothing is written. Running agents take up a changed file within seconds; a key whose line is taken out is refused.
    """
    key_id, key = new_key()
    line = line_of(
        Key(key_id, digest(key), tuple(_ROLES[role] for role in dict.fromkeys(roles)), expires), note
    )
    if as_json:
        print_json({"id": key_id, "key": key, "line": line})
        return
    click.echo(f"the key, for the caller, shown once:\n  {key}")
    click.echo(f"the line, below `keys:` in the file that AGENTS_API_KEYS names:\n  {line}")
    click.echo("the caller sends it as Authorization: Bearer …; `agents` takes it from AGENTS_TOKEN")
