"""`agents reset`: drops the local data after asking."""

import shutil
from contextlib import suppress

import click

from cli.errors import CommandError
from cli.local import control
from cli.local.elsewhere import documents_elsewhere
from cli.local.instance import find_instance
from cli.output import print_json

EPILOG = "Example: agents reset --yes"
DATA = ("redis", "redis.before-*", "redis.restoring", "scheduler", "mail")
"""Also what restores kept, and what a killed one left: it is the same data."""


@click.command(epilog=EPILOG)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print what was dropped as JSON; needs --yes.")
def command(*, yes: bool, as_json: bool) -> None:
    """Drop events, executions, schedules and mails kept on this machine, also what `agents restore` kept of earlier ones.
    Logs, backups, models and built programs stay.

    A Redis that `agents up` found running is not touched, nor is a PostgreSQL: their data is not ours to drop.
    """
    if as_json and not yes:
        raise click.UsageError("--json needs --yes")
    instance = find_instance()
    # Also while it asks: nothing is started meanwhile on what is dropped then.
    with control.stopped(instance, "reset"):
        folders = [folder for name in DATA for folder in sorted(instance.run.glob(name))]
        if folders and not yes:
            listed = "\n".join(f"  {folder}" for folder in folders)
            click.confirm(f"This drops\n{listed}\nGo on?", abort=True)
        for folder in folders:
            shutil.rmtree(folder)
    with suppress(CommandError):  # a project that is broken can be reset, too
        if store := documents_elsewhere(instance.as_started):
            click.echo(f"the documents in {store} stay: that is not ours to drop", err=True)
    if as_json:
        print_json({"dropped": [str(folder) for folder in folders]})
    else:
        click.echo(
            f"dropped: {', '.join(folder.name for folder in folders)}" if folders else "there was no data"
        )
