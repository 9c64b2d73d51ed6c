"""Where a backup or new data are made before they get their name: a folder that one process at a time works in."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import CommandError


@contextmanager
def drafted(draft: Path) -> Iterator[Path]:
    """The folder, empty; what is still under this name at the end goes.

    When the process is killed, its lock goes and the files stay: who comes next removes them.

    Raises:
        CommandError: another works in it, or the disk refuses something.

    """
    with disk_errors(draft.parent):
        descriptor = _locked(draft)
        try:
            for left in list(draft.iterdir()):  # by an interrupted one
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield draft
        finally:
            if _names(draft, descriptor):
                shutil.rmtree(draft, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """What the disk refuses becomes a CommandError; a full one says no name, so that of the folder is told."""
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"{error.filename or folder}: {error.strerror or error}",
            hint="nothing was changed; see that the disk has room and these folders are yours, then run it again",
        ) from None


def _locked(draft: Path) -> int:
    try:
        draft.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CommandError(f"{draft} cannot be made: {error.strerror}", hint="give another folder") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _names(draft, descriptor):  # and not one that was finished before it was locked
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    raise CommandError(f"another one is at work in {draft}", hint="run it again when that one is done")


def _names(draft: Path, descriptor: int) -> bool:
    return draft.exists() and os.path.samestat(draft.stat(), os.fstat(descriptor))
