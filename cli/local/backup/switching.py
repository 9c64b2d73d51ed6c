"""Puts a folder in another's place in one step: whoever looks, and whatever dies meanwhile, finds the old one or the new one."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from cli.errors import CommandError

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def put_in_place(new: Path, target: Path) -> None:
    """Rename it, all of it on the disk, to a name under which there is nothing yet, or an empty folder."""
    flushed(new)
    new.rename(target)
    flushed(target.parent)


def exchange(new: Path, target: Path, old: Path) -> None:
    """Make `new` the `target`, and what was there `old`."""
    flushed(new)
    # First the name that the old one is to have, then the exchange: it never has a name under which it would be dropped.
    new.rename(old)
    try:
        _exchange(old, target)
    except OSError as error:
        old.rename(new)
        raise CommandError(
            f"{old} and {target} cannot be exchanged in one step: {error.strerror}",
            hint=f"nothing was changed; move {target} away yourself, then run it again",
        ) from None
    flushed(target.parent)


def holds_something(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def flushed(folder: Path) -> None:
    """Return when the folder's files and its names are on the disk."""
    for path in (*(path for path in folder.iterdir() if path.is_file()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def users_of(folder: Path) -> list[int]:
    """Pids of the processes that have something in it open, as far as this user may see."""
    root = str(folder.resolve())
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            links = [process / "cwd", *(process / "fd").iterdir()]
            if any(_inside(link, root) for link in links):
                found.append(int(process.name))
    return found


def _inside(link: Path, root: str) -> bool:
    with suppress(OSError):
        target = str(link.readlink())
        return target == root or target.startswith(f"{root}/")
    return False


def _exchange(one: Path, other: Path) -> None:
    done = _libc.renameat2(_AT_FDCWD, bytes(one), _AT_FDCWD, bytes(other), _RENAME_EXCHANGE)
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
