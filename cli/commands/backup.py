"""`agents backup`: what must not be lost, copied out of the running Redis."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.backup.apart import Server
from cli.local.backup.manifest import Contents, Manifest
from cli.local.backup.snapshot import Source
from cli.local.backup.taking import take_backup
from cli.local.elsewhere import documents_elsewhere
from cli.local.instance import Instance, find_instance
from cli.local.interruptible import run
from cli.local.platform import plan
from cli.local.provision.cache import user_cache
from cli.local.provision.progress import Step
from cli.local.provision.redis import provide_redis
from cli.local.redis import in_mib
from cli.output import print_json
from cli.progress import waiting

EPILOG = """\b
Example: agents backup
         agents backup /mnt/backups/before-the-upgrade --json
         REDISCLI_AUTH=… agents backup --redis 127.0.0.1:16379   # after kubectl port-forward"""
PASSWORD = "REDISCLI_AUTH"  # noqa: S105  # redis-cli's own variable


@click.command(epilog=EPILOG)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--redis",
    "address",
    metavar="HOST:PORT",
    help="Of another Redis than this project's; its password in REDISCLI_AUTH.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest and the folder as JSON.")
def command(*, folder: Path | None, address: str | None, as_json: bool) -> None:
    """Write all that Redis keeps, as it is at one moment, into FOLDER (default: backups/TIME in the project).

    The agents go on meanwhile. The snapshot is loaded once before it counts as a backup. It holds what the agents were
    told, personal data too: readable by you alone, keep it so. docs/backup.md says what is in it and what is elsewhere.
    """
    instance = find_instance()
    source = _source(instance, address)
    to = (folder or instance.root / "backups" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}").absolute()
    with waiting("looking for redis-server") as told:
        manifest = run(take_backup(source, to, run(server_of(instance, told))))
    if address is None and (store := documents_elsewhere(instance.as_started)):
        click.echo(
            f"the documents are in {store}: back it up as well, with the agents stopped for both (docs/backup.md)",
            err=True,
        )
    if as_json:
        print_json({"folder": str(to), **manifest.model_dump(mode="json")})
    else:
        click.echo(f"backed up to {to}: {in_mib(manifest.size)}, {told_of(manifest.contents)}")
        click.echo(f"it has all that was accepted before {moment(manifest)}")


async def server_of(instance: Instance, told: Callable[[str], None]) -> Server:
    """The redis-server that `agents up` would start."""
    env = instance.environment
    return Server(await provide_redis(user_cache(env), env, Step("Redis")), env, told)


def told_of(contents: Contents) -> str:
    some = ", ".join(f"{count:,} {kind}" for kind, count in contents.documents.items())
    return (
        f"{sum(contents.documents.values()):,} documents ({some or 'none'}), "
        f"{contents.events:,} events in {contents.streams} streams, {contents.pending:,} of them not answered yet"
    )


def moment(manifest: Manifest) -> str:
    return f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"


def _source(instance: Instance, address: str | None) -> Source:
    if address is None:
        address = plan(instance.as_started).redis
    if address is None:
        raise CommandError(
            "these components keep nothing in Redis",
            hint="docs/backup.md says how Azure's services are backed up",
            code=ExitCode.INVALID,
        )
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 2**16):
        raise CommandError(
            f"--redis is {address!r}", hint="give HOST:PORT, as 127.0.0.1:6379", code=ExitCode.USAGE
        )
    return Source(host, int(port), os.environ.get(PASSWORD, ""))
