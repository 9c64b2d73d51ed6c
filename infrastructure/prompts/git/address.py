"""The address of prompts in a git repository: what AGENTS_PROMPTS may hold instead of a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

PREFIX = "git+"
SCHEMES = ("https", "ssh", "file")
_FORM = "git+https://…@<40 hex digits of the commit>#<folder>"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class GitSource:
    """`url` is without a password; `secret` is `user:password`, where the setting held one. `folder` "" is the root."""

    url: str
    commit: str
    folder: str
    secret: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{PREFIX}{self.url}@{self.commit}#{self.folder}"


def read_source(text: str) -> GitSource:
    """What AGENTS_PROMPTS names.

    Raises:
        ValueError: with the cure; it never holds what may be a password.

    """
    address, _, folder = text.removeprefix(PREFIX).partition("#")
    address, at, commit = address.rpartition("@")
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in SCHEMES or not at or host.startswith("-") or not parts.path.strip("/"):
        raise ValueError(f"write {_FORM}, with one of {', '.join(SCHEMES)}")
    shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if not _COMMIT.fullmatch(commit):
        raise ValueError(
            f"{commit[:40]!r} is no commit: branches and tags move, so write the 40 hex digits that "
            f"`git ls-remote {shown}` shows for it"
        )
    inner = PurePosixPath(folder)
    if inner.is_absolute() or ".." in inner.parts:
        raise ValueError("the folder behind # is a path within the repository, such as prompts")
    secret = None
    if parts.scheme == "https" and parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    elif parts.password is not None:
        raise ValueError("a password in the address is for https alone; ssh uses keys")
    kept = shown if secret else address
    return GitSource(kept, commit, "" if inner == PurePosixPath() else str(inner), secret)


def read_place(text: str | Path | GitSource) -> Path | GitSource:
    """A folder, or a source in git.

    Raises:
        ValueError: it begins as a source in git and is none.

    """
    if isinstance(text, str) and text.startswith(PREFIX):
        return read_source(text)
    return Path(text) if isinstance(text, str) else text
