"""JSON in and out: one parser and one writer for everything that crosses a border.

The parser (jiter, by way of pydantic) refuses what would break later: lone surrogates, nesting deeper than 200,
NaN and infinities. NUL characters are refused here too, because PostgreSQL, mail headers and terminals choke on them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

JsonObject: TypeAlias = dict[str, Any]


def parse(raw: bytes | str) -> Any:
    """Decode JSON text (UTF-8).

    Raises:
        ValueError: saying what is wrong and at which line and column.

    """
    value = from_json(raw, allow_inf_nan=False)
    escaped_nul = b"\\u0000" if isinstance(raw, bytes) else "\\u0000"
    if escaped_nul in raw and _holds_nul(value):  # type: ignore[operator]  # the two are of one type, by the line above
        raise ValueError("a text contains the NUL character (\\u0000), which no field allows")
    return value


def dump(value: object) -> bytes:
    """Encode as compact UTF-8 JSON."""
    return to_json(value)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
