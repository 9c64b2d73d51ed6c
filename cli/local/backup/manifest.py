"""What a backup is on the disk: a folder with Redis' own snapshot, and a manifest that says what is in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from cli.errors import CommandError
from cli.exit_codes import ExitCode

SNAPSHOT = "snapshot.rdb"
MANIFEST = "manifest.json"
FORMAT = 1
"""Of the manifest; a backup with a higher one was made by a newer version of this command."""
CLOCKS_DIFFER = timedelta(days=1)
"""What Redis' clock may be ahead of this machine's."""
_KIND: Literal["agents-backup"] = "agents-backup"
_CHUNK = 2**20


def _not_to_come(moment: datetime) -> datetime:
    if moment - datetime.now(UTC) > CLOCKS_DIFFER:
        raise ValueError(
            f"{moment.isoformat()} is still to come: the manifest was changed, or the clock of this machine or of that "
            "Redis is wrong"
        )
    return moment


class Contents(BaseModel):
    """What a Redis holds. `documents` counts keys by the first part of their names; `pending` are deliveries that no
    agent has answered; `expiring` of the `keys` go by themselves when their time is up.
    """

    model_config = ConfigDict(frozen=True)

    keys: int
    expiring: int
    documents: dict[str, int]
    streams: int
    events: int
    groups: int
    pending: int


class Manifest(BaseModel):
    """What was accepted before `taken_at` (Redis' clock, UTC) is in the backup."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["agents-backup"] = _KIND
    format: Annotated[int, Field(ge=1, le=FORMAT, strict=True)] = FORMAT
    taken_at: Annotated[AwareDatetime, AfterValidator(_not_to_come)]
    redis_version: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    contents: Contents

    @property
    def age(self) -> float:
        """Seconds."""
        return (datetime.now(UTC) - self.taken_at).total_seconds()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def read_manifest(backup: Path) -> Manifest:
    """CommandError when this folder is no backup, or one that this version does not know."""
    if not backup.is_dir():
        raise CommandError(
            f"there is no backup {backup}",
            hint="give the folder that `agents backup` made",
            code=ExitCode.NOT_FOUND,
        )
    file = backup / MANIFEST
    try:
        said = from_json(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _foreign(backup, f"its {MANIFEST} cannot be read: {error}") from None
    if not isinstance(said, dict) or said.get("kind") != _KIND:
        raise _foreign(backup, f"{file} is not of `agents backup`")
    if "format" not in said:
        raise _foreign(backup, f"{file}: format: it is missing")
    if isinstance(number := said["format"], int) and number > FORMAT:
        raise CommandError(
            f"{backup} has the format {number}, this command knows {FORMAT}",
            hint="restore it with the version of the project that made it, or a newer one",
            code=ExitCode.INVALID,
        )
    try:
        return Manifest.model_validate(said)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise _foreign(backup, f"{file}: {where}: {problem['msg'].removeprefix('Value error, ')}") from None


def copy_checked(backup: Path, manifest: Manifest, to: Path, told: Callable[[int], None]) -> None:
    """Copy the snapshot; CommandError when it is not what the manifest says. `told` gets the bytes copied so far."""
    digest, size = hashlib.sha256(), 0
    try:
        with (backup / SNAPSHOT).open("rb") as source, to.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
                told(size)
    except FileNotFoundError:
        raise damaged(backup, f"it has no {SNAPSHOT}") from None
    except (IsADirectoryError, PermissionError) as error:
        raise damaged(backup, f"its {SNAPSHOT} cannot be read: {error.strerror}") from None
    if size != manifest.size:
        raise damaged(backup, f"its snapshot has {size} bytes, {manifest.size} were written")
    if digest.hexdigest() != manifest.sha256:
        raise damaged(backup, "its snapshot is not the one that was written: the SHA-256 differs")


def damaged(backup: Path, why: str) -> CommandError:
    return CommandError(
        f"{backup} is damaged: {why}",
        hint="nothing was changed; take another copy of it, or an older backup",
        code=ExitCode.INVALID,
    )


def _foreign(backup: Path, why: str) -> CommandError:
    return CommandError(
        f"{backup} is no backup of ours: {why}",
        hint="give the folder that `agents backup` made, with its manifest",
        code=ExitCode.INVALID,
    )
