"""Secrets of the tests' own, given to every process that a test starts, and looked for in all that those processes leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.stand_ins import azure_openai, openai_server

ENVIRONMENT: Final = {
    "AGENTS_SMTP_PASSWORD": "planted7mail4Q9zT2wXr",
    "AZURE_OPENAI_API_KEY": azure_openai.AZURE_KEY,
    "AGENTS_SECRET_PLANTED": "planted7vault8KmP3sVy",
}
"""What nobody asks for, but every process is given; `AGENTS_SECRET_…` are the sidecars' secret store on a laptop."""
PLANTED: Final[dict[str, bytes]] = {
    name: value.encode() for name, value in {**ENVIRONMENT, "OPENAI_API_KEY": openai_server.KEY}.items()
}
"""By what it is; `plant` adds to it."""
GIVEN = {"components", ".git", "__pycache__"}
"""Folders of what is given to processes, and not made by them."""
GIVEN_FILES = {".env", ".py", ".pyc", ".so"}
_PIECE = 16 * 2**20


def plant(name: str, value: str) -> str:
    """The value, which from now on must be found nowhere."""
    PLANTED[name] = value.encode()
    return value


@dataclass(frozen=True)
class Found:
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.where}: {self.name}"


def found_in(data: bytes, where: str) -> list[Found]:
    return [Found(where, name) for name, value in PLANTED.items() if value in data]


def found_below(folder: Path) -> Iterator[Found]:
    """In every file that a process may have written: logs, run folders, the stores' own files."""
    for path in _files(folder):
        yield from dict.fromkeys(_in_file(path))


def _files(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):
        given = GIVEN & set(path.relative_to(folder).parts) or {path.suffix, path.name} & GIVEN_FILES
        if not given and not path.is_symlink() and path.is_file():
            yield path


def _in_file(path: Path) -> Iterator[Found]:
    """Piece by piece, each with the end of the last: a store's file may be larger than memory."""
    longest = max(map(len, PLANTED.values()))
    try:
        with path.open("rb") as file:
            end = b""
            while piece := file.read(_PIECE):
                yield from found_in(end + piece, str(path))
                end = piece[-longest:]
    except OSError:  # gone since, or a socket
        return
