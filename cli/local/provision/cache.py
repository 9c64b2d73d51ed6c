"""The user's cache folder: every artefact complete or absent, made by one process at a time."""

import asyncio
import fcntl
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode

PINS = Path(__file__).with_name("pins")


class Cache:
    """Folders named `<artefact>-<key>`, renamed into place when they are complete.

    The key covers what decides the content (pinned versions, compiler flags), so that a change makes a new
    folder beside the old one, and going back to an older checkout builds nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str, *parts: str | bytes) -> Path:
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part.encode() if isinstance(part, str) else part)
            digest.update(b"\0")
        return self.root / f"{name}-{digest.hexdigest()[:12]}"

    def log(self, name: str) -> Path:
        folder = self.root / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    @asynccontextmanager
    async def making(self, folder: Path, waiting: Callable[[str], None]) -> AsyncIterator[Path | None]:
        """Lock the artefact and give an empty folder to make it in; None when another process was first."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock_path = folder.with_name(f".{folder.name}.lock")
        with lock_path.open("a") as lock:
            while not _locked(lock.fileno()):
                waiting("another run is making it, waiting")
                await asyncio.sleep(0.5)
            draft = _draft(folder)
            if draft is None:
                yield None
                return
            yield draft
            draft.rename(folder)

    def need_space(self, gigabytes: float, purpose: str) -> None:
        """Refuse before hours of work, not after them."""
        self.root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free / 1e9
        if free < gigabytes:
            raise CommandError(
                f"{purpose} needs {gigabytes:g} GB of disk while it works; {self.root} has {free:.1f} GB free",
                hint="free some space, or set XDG_CACHE_HOME to a folder on a larger disk, and run it again",
                code=ExitCode.MISSING,
            )


def user_cache(environment: Mapping[str, str]) -> Cache:
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return Cache(Path(base) / "my-agents")


def _draft(folder: Path) -> Path | None:
    if folder.exists():
        return None
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)  # what an interrupted run left
    draft.mkdir()
    return draft


def _locked(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
