"""`agents restore`: a backup becomes the data of the next start."""

import asyncio
from pathlib import Path

import click

from cli.commands.backup import moment, server_of, told_of
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import control
from cli.local.backup.restoring import Restored, check_backup, require_restorable, restore_backup
from cli.local.instance import Instance, find_instance
from cli.local.interruptible import run
from cli.local.platform import plan, port_of
from cli.local.probe import Health, redis
from cli.output import print_json
from cli.progress import waiting
from cli.readable import duration

EPILOG = """\b
Example: agents restore backups/20261122T080000Z --check
         agents down && agents restore backups/20261122T080000Z --force && agents up --detach
         agents restore /mnt/backups/nightly --into /var/lib/redis   # for a Redis that others start"""


@click.command(epilog=EPILOG)
@click.argument("backup", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Load it apart and compare it with its manifest; change nothing.")
@click.option("--into", type=click.Path(path_type=Path), help="Another data folder than this project's.")
@click.option("--force", is_flag=True, help="Also where there are data; they are kept beside it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was restored as JSON.")
def command(*, backup: Path, check: bool, into: Path | None, force: bool, as_json: bool) -> None:
    """Make the data of BACKUP (a folder of `agents backup`) those of the next `agents up`.

    Nothing may run. It is loaded and compared with its manifest first, then takes the old data's place in one step: whatever
    fails or is interrupted before, they stay. What was accepted after the backup is not in it, and work that was done
    after it is done again, under the same ids.
    """
    instance = find_instance()
    if check:
        with waiting("looking for redis-server") as told:
            checked = run(check_backup(backup.absolute(), run(server_of(instance, told))))
        _tell(backup, checked, None, as_json=as_json)
        return
    target = (into or instance.run / "redis").absolute()
    if into is not None:
        require_restorable(target, force=force)
        restored = _restore(instance, backup, target)
    else:
        # So that nothing is started on a half of it.
        with control.stopped(instance, "restore"):
            _require_unused(instance)
            require_restorable(target, force=force)
            restored = _restore(instance, backup, target)
    _tell(backup, restored, target, as_json=as_json)
    if not as_json:
        begun = "start a redis-server in it, with `appendonly yes`: without, it would begin with nothing"
        click.echo(f"next: {instance.command('up') if into is None else begun}")


def _restore(instance: Instance, backup: Path, target: Path) -> Restored:
    with waiting("looking for redis-server") as told:
        return run(restore_backup(backup.absolute(), target, run(server_of(instance, told))))


def _require_unused(instance: Instance) -> None:
    """`agents up` uses a Redis that answers already: then what is restored would be looked at by nobody."""
    address = plan(instance).redis
    if address is None:
        raise CommandError(
            "these components keep nothing in Redis",
            hint="docs/backup.md says how Azure's services are restored",
            code=ExitCode.INVALID,
        )
    if asyncio.run(_health(port_of(address))) is not Health.SILENT:
        raise CommandError(
            f"a Redis answers at {address}: `agents up` would use that one and not what is restored",
            hint="end it first; for its own data folder there is --into",
            code=ExitCode.PORT_TAKEN,
        )


async def _health(port: int) -> Health:
    return await redis(port)()


def _tell(backup: Path, done: Restored, target: Path | None, *, as_json: bool) -> None:
    manifest = done.manifest
    gone = manifest.contents.keys - done.contents.keys
    if as_json:
        print_json(
            {
                "backup": str(backup),
                "into": None if target is None else str(target),
                "kept": None if done.kept is None else str(done.kept),
                "taken_at": manifest.taken_at,
                "expired": gone,
                "contents": done.contents,
            }
        )
        return
    click.echo(f"{'it is whole' if target is None else f'restored into {target}'}: {told_of(done.contents)}")
    if gone:
        click.echo(f"the time of {gone:,} documents was up since then")
    click.echo(f"it is as of {moment(manifest)}, {duration(manifest.age)} ago; what came later is not in it")
    if done.kept is not None:
        click.echo(f"what was there is kept in {done.kept}")
