"""A backup becomes a data folder again: made beside the old one, proved, and put in its place in one step."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.backup.apart import Server, Unloadable
from cli.local.backup.drafts import disk_errors, drafted
from cli.local.backup.manifest import SNAPSHOT, Contents, Manifest, copy_checked, damaged, read_manifest
from cli.local.backup.switching import exchange, holds_something, put_in_place, users_of
from cli.local.redis import in_mib


@dataclass(frozen=True)
class Restored:
    """`kept` is where the data are that were there before, None when there were none."""

    manifest: Manifest
    contents: Contents
    kept: Path | None


def require_restorable(target: Path, *, force: bool) -> None:
    """CommandError when there is something that would be lost sight of."""
    if target.exists() and not target.is_dir():
        raise CommandError(f"{target} is no folder", hint="give a folder", code=ExitCode.INVALID)
    if target.is_mount():
        raise CommandError(
            f"{target} is where a volume is mounted, and no other folder can take its place in one step",
            hint=f"restore --into {target / 'restored'}, then put what is in it in the place of the volume's old files",
            code=ExitCode.INVALID,
        )
    if users := users_of(target):
        raise CommandError(
            f"{target} is in use by pid {', '.join(map(str, users))}",
            hint="end that first: a redis-server would go on with the old data, and write them again",
        )
    if holds_something(target) and not force:
        raise CommandError(
            f"{target} has data in it",
            hint="--force puts the backup in their place and keeps them beside it",
        )


async def check_backup(backup: Path, server: Server) -> Restored:
    """Load it as a restore would, in a temporary folder, and change nothing."""
    manifest = read_manifest(backup)
    with (
        disk_errors(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="agents-backup-") as folder,
    ):
        contents = await _made(backup, manifest, Path(folder), server)
    return Restored(manifest, contents, None)


async def restore_backup(backup: Path, target: Path, server: Server) -> Restored:
    """Make the target the data of the backup. Whatever fails or is interrupted, the old data stay where they are."""
    manifest = read_manifest(backup)
    with drafted(target.with_name(f"{target.name}.restoring")) as draft:
        contents = await _made(backup, manifest, draft, server)
        server.told("putting it in place")
        if not holds_something(target):
            put_in_place(draft, target)
            return Restored(manifest, contents, None)
        old = _free_name(f"{target}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        exchange(draft, target, old)
        return Restored(manifest, contents, old)


def _free_name(name: str) -> Path:
    """With a number where there is one of the same second."""
    names = (Path(name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


async def _made(backup: Path, manifest: Manifest, draft: Path, server: Server) -> Contents:
    """Data as the platform's Redis reads them, of a backup that was found to be whole."""
    _need_space(draft, 2 * manifest.size)
    snapshot = draft / SNAPSHOT
    copy_checked(backup, manifest, snapshot, lambda there: server.told(f"copying: {in_mib(there)}"))
    try:
        async with server.loaded(snapshot) as apart:
            server.told("comparing it with the manifest")
            contents = await apart.contents()
            _require_same(backup, manifest.contents, contents)
            server.told("writing the append-only file")
            await apart.make_append_only()
    except Unloadable as error:
        raise CommandError(
            f"{server.program} cannot load {backup}, which Redis {manifest.redis_version} wrote:\n{error}",
            hint="nothing was changed; have a redis-server in PATH that is as new as that one",
            code=ExitCode.MISSING,
        ) from None
    snapshot.unlink()
    return contents


def _require_same(backup: Path, was: Contents, found: Contents) -> None:
    """Documents whose time was up since then are gone, as they would be without a restore; nothing else may be."""
    streams_were = (was.streams, was.events, was.groups, was.pending)
    if (found.streams, found.events, found.groups, found.pending) != streams_were:
        raise damaged(backup, f"its streams are not those of the manifest: {found} instead of {was}")
    lasting, lasting_were = found.keys - found.expiring, was.keys - was.expiring
    if lasting != lasting_were or found.keys > was.keys:
        raise damaged(backup, f"it holds {found.keys} keys, the manifest says {was.keys}")


def _need_space(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise CommandError(
            f"{folder.parent} has {in_mib(free)} free, it takes {in_mib(needed)}",
            hint="nothing was changed; free some space, then run it again",
            code=ExitCode.MISSING,
        )
