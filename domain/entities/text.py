"""Rules for texts that leave the platform as headers, titles and notes."""

from __future__ import annotations

import unicodedata


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; what was cut shows as an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """Without line breaks and control characters, and with single blanks."""
    return " ".join("".join(" " if _controls(character) else character for character in text).split())


def is_one_line(text: str) -> bool:
    """True when `text` can stand in a header as it is."""
    return len(text.splitlines()) <= 1 and not any(map(_controls, text))


def _controls(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"}
