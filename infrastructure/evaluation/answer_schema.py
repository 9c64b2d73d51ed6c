"""Whether an answer fits its prompt's output schema: the bounded words of JSON Schema that prompts may use, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from domain.json import JsonObject

_LENGTHS: Final = {"string": ("Length", "characters"), "array": ("Items", "items")}


def misfits(value: Any, schema: JsonObject, here: str = "answer") -> Iterator[str]:
    """Every reason why the value does not fit, a sentence each."""
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_is_of(value, kind) for kind in kinds):
        yield f"{here} is {_kind(value)}, wanted is {' or '.join(kinds)}"
        return
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        yield f"{here} is {_short(value)}, wanted is one of {', '.join(map(_short, schema['enum']))}"
    if "const" in schema and not same(value, schema["const"]):
        yield f"{here} is {_short(value)}, wanted is {_short(schema['const'])}"
    if isinstance(value, str | list):
        yield from _length(value, schema, here)
    elif _is_of(value, "number"):
        if value < schema.get("minimum", value):
            yield f"{here} is {value}, at least {schema['minimum']} is wanted"
        if value > schema.get("maximum", value):
            yield f"{here} is {value}, at most {schema['maximum']} is wanted"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from misfits(item, schema.get("items", {}), f"{here}[{number}]")
    elif isinstance(value, dict):
        yield from _object(value, schema, here)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _length(value: str | list[Any], schema: JsonObject, here: str) -> Iterator[str]:
    word, unit = _LENGTHS["string" if isinstance(value, str) else "array"]
    if len(value) < schema.get(f"min{word}", 0):
        yield f"{here} has {len(value)} {unit}, at least {schema[f'min{word}']} are wanted"
    if len(value) > schema.get(f"max{word}", len(value)):
        yield f"{here} has {len(value)} {unit}, at most {schema[f'max{word}']} are wanted"


def _object(value: JsonObject, schema: JsonObject, here: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{here}.{name} is missing"
    for name, item in value.items():
        if name in properties:
            yield from misfits(item, properties[name], f"{here}.{name}")
        elif schema.get("additionalProperties", True) is False:
            yield f"{here}.{name} is not wanted"


def _is_of(value: Any, kind: str) -> bool:  # noqa: PLR0911 - one return per type
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return value is None


def _kind(value: Any) -> str:
    kinds = ("null", "boolean", "string", "integer", "number", "array", "object")
    return next(kind for kind in kinds if _is_of(value, kind))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
