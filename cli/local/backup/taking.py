"""A backup: a snapshot of the running Redis, proved by loading it, renamed into place when it is complete."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.backup.apart import Server, Unloadable
from cli.local.backup.drafts import disk_errors, drafted
from cli.local.backup.manifest import SNAPSHOT, Manifest, write_manifest
from cli.local.backup.snapshot import Source, take_snapshot
from cli.local.backup.switching import put_in_place
from cli.local.redis import condition, in_mib

DRAFT = ".backup.part"
"""One name for all in a folder: what an interrupted one left is found by the next, whatever that one is to be called."""


async def take_backup(source: Source, to: Path, server: Server) -> Manifest:
    """Make the folder `to`; it is there whole, or not at all."""
    _require_free(to)
    with drafted(to.with_name(DRAFT)) as draft:
        _need_space(source, draft)
        manifest = await _taken(source, draft / SNAPSHOT, server)
        write_manifest(draft, manifest)
        put_in_place(draft, to)
    return manifest


def _require_free(to: Path) -> None:
    with disk_errors(to):
        if to.exists():
            raise CommandError(
                f"{to} is there already", hint="give a folder that is not", code=ExitCode.INVALID
            )


async def _taken(source: Source, file: Path, server: Server) -> Manifest:
    server.told("waiting for Redis to write a snapshot")
    snapshot = await take_snapshot(
        source, file, lambda there, whole: server.told(f"reading: {in_mib(there)} of {in_mib(whole)}")
    )
    try:
        async with server.loaded(file) as apart:
            server.told("counting what is in it")
            contents = await apart.contents()
    except Unloadable as error:
        raise CommandError(
            f"the snapshot of Redis {snapshot.redis_version} cannot be loaded by {server.program}:\n{error}",
            hint="that redis-server has to be as new as the one that is backed up: have a newer one in PATH",
            code=ExitCode.MISSING,
        ) from None
    return Manifest(
        taken_at=snapshot.taken_at,
        redis_version=snapshot.redis_version,
        size=snapshot.size,
        sha256=snapshot.sha256,
        contents=contents,
    )


def _need_space(source: Source, folder: Path) -> None:
    """A snapshot is smaller than the memory that it is of."""
    with source.connected() as redis:
        needed = condition(redis).used_bytes
    if (free := shutil.disk_usage(folder).free) < needed:
        raise CommandError(
            f"{folder.parent} has {in_mib(free)} free, the backup may need {in_mib(needed)}",
            hint="give a folder on a larger disk",
            code=ExitCode.MISSING,
        )
