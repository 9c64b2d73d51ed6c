"""The releases in `prompts.lock`, read alone: `<agent>/<prompt>/<version> sha256:<hex>[ deprecated]`, a line each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "prompts.lock"
_LINE = re.compile(
    r"(?P<name>[^/\s]+/[^/\s]+)/(?P<version>[^/\s]+) sha256:(?P<hash>[0-9a-f]{64})(?P<mark> deprecated)?"
)


@dataclass(frozen=True, slots=True)
class Release:
    content_hash: str
    deprecated: bool


def releases(folder: Path) -> dict[str, dict[str, Release]]:
    """By prompt and version. Without a lock there is none; lines that are no releases are the registry's to refuse."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    found: dict[str, dict[str, Release]] = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            release = Release(match["hash"], deprecated=match["mark"] is not None)
            found.setdefault(match["name"], {})[match["version"]] = release
    return found
