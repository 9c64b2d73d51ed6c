"""Values that came from outside, for people: no control characters, JSON as indented lines."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

# Everything a terminal might obey (C0, DEL, C1) or that turns text around (bidirectional controls), but tab and newline.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_INDENT = "  "


def safe(text: object) -> str:
    """The text with control characters written out: models and foreign publishers do not command the terminal."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", str(text))


def one_line(text: object) -> str:
    return safe(text).replace("\n", "\\n").replace("\t", " ")


def value_lines(value: Any, depth: int = 0) -> Iterator[Text]:
    """A JSON value as indented lines: `key: value`, items with a dash, long texts as blocks."""
    indent = _INDENT * depth
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _named(Text.assemble(indent, (f"{one_line(key)}:", "cyan")), item, depth)
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = value_lines(item, depth + 1)
            yield Text.assemble(indent, "- ", first[len(indent) + 2 :])
            yield from rest
    else:
        for line in _scalar(value):
            yield Text(indent + line)


def _named(label: Text, value: Any, depth: int) -> Iterator[Text]:
    nested = isinstance(value, dict | list) and value
    if nested or (isinstance(value, str) and "\n" in value):
        yield label
        yield from value_lines(value, depth + 1)
    else:
        yield Text.assemble(label, " ", *_scalar(value))


def _scalar(value: Any) -> list[str]:
    if isinstance(value, str):
        return safe(value).rstrip("\n").split("\n")
    return [
        {True: "yes", False: "no"}[value]
        if isinstance(value, bool)
        else "–"
        if value in (None, [], {})
        else str(value)
    ]


def clock(time: str | None, *, milliseconds: bool = False) -> str:
    """`12:03:04`, in the local time zone; an unreadable time as it is."""
    moment = moment_of(time)
    if moment is None:
        return one_line(time or "")
    local = moment.astimezone()
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}" if milliseconds else f"{local:%H:%M:%S}"


def when(time: str | None) -> str:
    """`12:03:04` today, `2026-11-20 12:03:04` on another day."""
    moment = moment_of(time)
    if moment is None or moment.astimezone().date() == datetime.now().astimezone().date():
        return clock(time)
    return f"{moment.astimezone():%Y-%m-%d} {clock(time)}"


def age(time: str | None) -> str:
    """`85 ms`, `3 min 05 s`, `2 days` until now; an unreadable time as it is."""
    moment = moment_of(time)
    if moment is None:
        return one_line(time or "")
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return duration(seconds) if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def clipped(text: object, length: int) -> str:
    """On one line, and no longer than that."""
    line = one_line(text)
    return line if len(line) <= length else line[: length - 1] + "…"


def moment_of(time: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(time) if time else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def duration(seconds: float) -> str:
    """`85 ms`, `2.3 s`, `3 min 05 s`."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
