"""Whether a prompt fits the agent that asks it: its variables have fields, and every answer it allows is a valid model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from domain.json import JsonObject
from domain.prompt import Prompt

_JSON_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_UPPER: Final = ("maxLength", "maxItems", "maximum")
_BOUNDS: Final = {
    "string": ("maxLength", "minLength"),
    "array": ("maxItems", "minItems"),
    "integer": ("maximum", "minimum"),
    "number": ("maximum", "minimum"),
}


def fits(prompt: Prompt, takes_fields: set[str], returns_schema: JsonObject) -> list[str]:
    """What disagrees, a sentence each; empty when the prompt fits.

    `returns_schema` is the JSON schema of the answer's pydantic model. Its `pattern` and `format` are not compared: a prompt's
    schema has neither, so they are checked in the answer.
    """
    title = f"{prompt.name} {prompt.version}"
    problems = [
        f"{title}: the variable {name} has no field to fill it (there are {', '.join(sorted(takes_fields)) or 'none'})"
        for name in prompt.variables
        if name not in takes_fields
    ]
    if prompt.output_schema is None:
        return [
            *problems,
            f"{title}: the prompt has no output_variable.json_schema, but the agent expects an object",
        ]
    compare = _Comparison(returns_schema.get("$defs", {}), "the model")
    return problems + [
        f"{title}: {text}" for text in compare.differences(prompt.output_schema, returns_schema, "answer")
    ]


def refused_answers(ours: JsonObject, theirs: JsonObject, whose: str) -> Iterator[str]:
    """Why an answer that follows the schema `ours` may be refused by `theirs`, a sentence each; `whose` names theirs."""
    return iter(dict.fromkeys(_Comparison({}, whose).differences(ours, theirs, "answer")))


class _Comparison:
    def __init__(self, definitions: JsonObject, whose: str) -> None:
        self._definitions = definitions
        self._whose = whose

    def differences(self, ours: JsonObject, theirs: Any, path: str) -> Iterator[str]:
        """Why an answer that follows `ours` may be refused by `theirs`."""
        theirs = self._resolve(theirs)
        for one in _alternatives(ours):
            choices = [
                self._resolve(choice) for choice in theirs.get("anyOf") or theirs.get("oneOf") or [theirs]
            ]
            kind = one["type"]
            of_kind = [choice for choice in choices if _takes(choice, kind)]
            if not of_kind:
                wanted = " or ".join(sorted({_kind(choice) for choice in choices}))
                yield f"{path} may be {kind}, {self._whose} wants {wanted}"
                continue
            found = [list(self._of_one_kind(one, choice, path)) for choice in of_kind]
            yield from min(found, key=len)

    def _of_one_kind(self, ours: JsonObject, theirs: JsonObject, path: str) -> Iterator[str]:
        if (allowed := _values(theirs)) is not None:
            possible = _values(ours)
            if possible is None:
                yield f"{path} may be any {ours['type']}, {self._whose} wants one of {_list(allowed)}"
            elif extra := [value for value in possible if value not in allowed]:
                yield f"{path} may be {_list(extra)}, {self._whose} wants one of {_list(allowed)}"
            return
        yield from _bounds(_bounded(ours), theirs, path, self._whose)
        if ours["type"] == "array":
            yield from self.differences(ours.get("items", {}), theirs.get("items", {}), f"{path}[]")
        elif ours["type"] == "object":
            yield from self._object(ours, theirs, path)

    def _object(self, ours: JsonObject, theirs: JsonObject, path: str) -> Iterator[str]:
        properties = ours.get("properties", {})
        fields = theirs.get("properties", {})
        more = theirs.get("additionalProperties")
        for name in theirs.get("required", []):
            if name not in properties or name not in ours.get("required", []):
                yield f"{path}.{name} may be missing, {self._whose} requires it"
        for name, schema in properties.items():
            if name in fields:
                yield from self.differences(schema, fields[name], f"{path}.{name}")
            elif isinstance(more, dict):
                yield from self.differences(schema, more, f"{path}.{name}")
            else:
                yield f"{path}.{name} is unknown to {self._whose} (it has {', '.join(fields) or 'no fields'})"

    def _resolve(self, schema: Any) -> JsonObject:
        while isinstance(schema, dict) and ("$ref" in schema or len(schema.get("allOf", [])) == 1):
            schema = (
                self._definitions[schema["$ref"].rpartition("/")[2]]
                if "$ref" in schema
                else schema["allOf"][0]
            )
        return schema if isinstance(schema, dict) else {}


def _alternatives(schema: JsonObject) -> list[JsonObject]:
    """A schema per type, and nulls among values as a type of their own."""
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    values = _values(schema)
    if values is None:
        return [{**schema, "type": kind} for kind in kinds]
    by_kind: dict[str, list[Any]] = {}
    for value in values:
        by_kind.setdefault(_JSON_TYPES.get(type(value), "object"), []).append(value)
    return [{**schema, "type": kind, "enum": of_kind} for kind, of_kind in by_kind.items()]


def _takes(schema: JsonObject, kind: str) -> bool:
    values = _values(schema)
    if "type" not in schema:
        return values is None or any(_JSON_TYPES.get(type(value)) == kind for value in values)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _values(schema: JsonObject) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _bounded(schema: JsonObject) -> JsonObject:
    """A schema of one type; listed values give it the bounds that they keep."""
    values = _values(schema)
    if values and schema["type"] == "string":
        return {**schema, "maxLength": max(map(len, values)), "minLength": min(map(len, values))}
    if values and schema["type"] in ("integer", "number"):
        return {**schema, "maximum": max(values), "minimum": min(values)}
    return schema


def _bounds(ours: JsonObject, theirs: JsonObject, path: str, whose: str) -> Iterator[str]:
    kind = ours["type"]
    for bound in _BOUNDS.get(kind, ()):
        if bound not in theirs or (bound in ("minLength", "minItems") and theirs[bound] == 0):
            continue
        if bound not in ours:
            yield f"{path} has no {bound}, {whose} has {theirs[bound]}"
        elif ours[bound] > theirs[bound] if bound in _UPPER else ours[bound] < theirs[bound]:
            yield f"{path} has {bound} {ours[bound]}, {whose} has {theirs[bound]}"
    if kind not in ("integer", "number"):
        return
    if (
        "exclusiveMinimum" in theirs
        and ours.get("minimum", theirs["exclusiveMinimum"]) <= theirs["exclusiveMinimum"]
    ):
        yield f"{path} may be {theirs['exclusiveMinimum']} or less, {whose} wants more"
    if (
        "exclusiveMaximum" in theirs
        and ours.get("maximum", theirs["exclusiveMaximum"]) >= theirs["exclusiveMaximum"]
    ):
        yield f"{path} may be {theirs['exclusiveMaximum']} or more, {whose} wants less"


def _kind(schema: JsonObject) -> str:
    return str(schema.get("type", "something else"))


def _list(values: list[Any]) -> str:
    return ", ".join(map(str, values))
