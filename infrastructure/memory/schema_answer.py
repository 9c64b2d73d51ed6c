"""The smallest interesting value that fits a bounded JSON Schema."""

from __future__ import annotations

import math
from typing import Any

from domain.json import JsonObject


def schema_answer(schema: JsonObject) -> Any:
    """Make a value that fits the schema, always the same one.

    Required properties only; arrays hold one item unless more are demanded or none is allowed, so that what comes after
    has something to work on; texts are the property's name. Follows `$ref` within the schema, `enum`, `const`, `anyOf`,
    `oneOf`; `pattern` and `format` are not looked at, as in the schemas of prompts.
    """
    return _value(schema, schema, "text", frozenset())


def _value(schema: JsonObject, root: JsonObject, name: str, inside: frozenset[str]) -> Any:  # noqa: PLR0911 - one return per kind of schema
    if "$ref" in schema:
        reference = schema["$ref"]
        return _value(_referenced(root, reference), root, name, inside | {reference})
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for alternatives in (schema.get("anyOf"), schema.get("oneOf")):
        if alternatives:
            # A schema inside itself ends where there is another way out, as null.
            open_ended = [option for option in alternatives if option.get("$ref") not in inside]
            return _value((open_ended or alternatives)[0], root, name, inside)
    match _type_of(schema):
        case "object":
            properties = schema.get("properties", {})
            return {
                key: _value(properties.get(key, {}), root, key, inside) for key in schema.get("required", [])
            }
        case "array":
            return _array(schema, root, name, inside)
        case "integer" | "number" as kind:
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _text(schema, name)


def _type_of(schema: JsonObject) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return str(kind[0] if isinstance(kind, list) else kind)


def _array(schema: JsonObject, root: JsonObject, name: str, inside: frozenset[str]) -> list[Any]:
    items = schema.get("items", {})
    recursive = items.get("$ref") in inside
    count = max(schema.get("minItems", 0), 0 if recursive else 1)
    count = min(count, schema.get("maxItems", count))
    return [_value(items, root, name, inside) for _ in range(count)]


def _text(schema: JsonObject, name: str) -> str:
    shortest = schema.get("minLength", 0)
    padded = name.ljust(shortest, ".")
    return padded[: schema.get("maxLength", len(padded))]


def _number(schema: JsonObject, *, whole: bool) -> float:
    """0, or the number nearest to it that is allowed."""
    step = schema.get("multipleOf", 1 if whole else 0)
    low = schema.get("minimum", -math.inf)
    high = schema.get("maximum", math.inf)
    gap = step or _gap(schema)
    if "exclusiveMinimum" in schema:
        low = max(low, schema["exclusiveMinimum"] + gap)
    if "exclusiveMaximum" in schema:
        high = min(high, schema["exclusiveMaximum"] - gap)
    value = min(max(0, low), high)
    if step:
        value = math.ceil(value / step) * step if value == low else math.floor(value / step) * step
    return int(value) if whole else value


def _gap(schema: JsonObject) -> float:
    """How far a number stays away from an exclusive bound: within the room there is."""
    bounds = [
        schema.get("exclusiveMinimum", schema.get("minimum")),
        schema.get("exclusiveMaximum", schema.get("maximum")),
    ]
    low, high = bounds
    return (high - low) / 2 if low is not None and high is not None else 1


def _referenced(root: JsonObject, reference: str) -> JsonObject:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    if not isinstance(found, dict):
        raise TypeError(f"{reference} leads to no schema")
    return found
