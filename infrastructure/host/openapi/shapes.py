"""The pieces that schemas are made of."""

from __future__ import annotations

from typing import Any

from domain.json import JsonObject

JSON = "application/json"
REF = "#/components/schemas/"
TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
ANY: JsonObject = {}


def object_of(required: dict[str, Any], optional: dict[str, Any] | None = None) -> JsonObject:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def list_of(items: JsonObject) -> JsonObject:
    return {"type": "array", "items": items}


def or_null(schema: JsonObject) -> JsonObject:
    return {"anyOf": [schema, {"type": "null"}]}


NUMBER_OR_NULL = or_null({"type": "number"})
