"""JSON in and out: one parser and one writer for everything that crosses a border.

The parser (jiter, by way of pydantic) refuses what would break later: lone surrogates, nesting deeper than 200, NaN,
integers of more than 4300 digits. Two things are refused here too: NUL characters, because PostgreSQL, mail headers and
terminals choke on them, and numbers such as 1e400, which jiter reads as infinity and no JSON could hold again.
"""

from __future__ import annotations

from math import isinf
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

JsonObject: TypeAlias = dict[str, Any]


MAX_VALUES = 50_000
"""Values (numbers, texts, lists, objects, …) in one document of a stranger. Without a bound, 3 MB of `{}` in a list of
objects cost a validation minutes and gigabytes, because each becomes an error for each of its missing fields."""


def parse(raw: bytes | str, *, max_values: int | None = None) -> Any:
    """Decode JSON text (UTF-8).

    Raises:
        ValueError: saying what is wrong and, for what is no JSON, at which line and column.

    """
    raw = raw.encode(errors="surrogatepass") if isinstance(raw, str) else raw
    value = from_json(raw, allow_inf_nan=False)
    # Most documents cannot hold what is refused here, and the writer shows it at a tenth of what walking them costs.
    many = max_values is not None and raw.count(b",") + raw.count(b"[") + raw.count(b"{") >= max_values
    if many or b"Infinity" in to_json(value):
        values = _count_finite([value])
        if max_values is not None and values > max_values:
            raise ValueError(f"it holds {values} values, {max_values} are allowed")
    if b"\\u0000" in raw and _holds_nul(value):
        raise ValueError("a text contains the NUL character (\\u0000), which no field allows")
    return value


def dump(value: object) -> bytes:
    """Encode as compact UTF-8 JSON."""
    return to_json(value)


def _count_finite(values: Any) -> int:
    count = len(values)
    for value in values:
        if isinstance(value, float):
            if isinf(value):
                raise ValueError("a number is larger than a double can hold (about 1.8e308)")
        elif isinstance(value, dict):
            count += _count_finite(value.values())
        elif isinstance(value, list):
            count += _count_finite(value)
    return count


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
