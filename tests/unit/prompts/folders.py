"""Folders of prompts with a lock, for tests of what releases are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.unit.prompts.making import prompt_text

HELLO = prompt_text("Hello {{$who}}", "semantic-kernel", "who")


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def prompts(
    root: Path, *released: str, deprecated: tuple[str, ...] = (), drafts: tuple[str, ...] = ()
) -> Path:
    """The prompt desk/ask in these versions, all with the same text; the lock names those that are releases."""
    folder = root / "desk" / "ask"
    folder.mkdir(parents=True, exist_ok=True)
    for version in (*released, *deprecated, *drafts):
        (folder / f"{version}.yaml").write_text(HELLO)
    lines = [f"desk/ask/{version} sha256:{hashed(HELLO)}" for version in released]
    lines += [f"desk/ask/{version} sha256:{hashed(HELLO)} deprecated too old" for version in deprecated]
    if lines:
        (root / "prompts.lock").write_text("".join(f"{line}\n" for line in sorted(lines)))
    return root
