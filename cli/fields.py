"""A task's JSON schema as options of the command line, and its example as a command one can type."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click
from pydantic_core import from_json, to_json

from domain.json import JsonObject

SCALARS = {"string", "integer", "number", "boolean"}


@dataclass(frozen=True)
class Field:
    """One property of a task's input. `schema` is its own, with references followed and null left out."""

    name: str
    schema: JsonObject
    required: bool

    @property
    def kind(self) -> str:
        return str(self.schema.get("type", "any"))

    @property
    def items(self) -> JsonObject:
        found: JsonObject = self.schema.get("items") or {}
        return found

    @property
    def repeated(self) -> bool:
        return self.kind == "array"

    def option(self, taken: Iterable[str]) -> str:
        """`feature_title` → `--feature-title`; a name that every task's options have is put behind `--field-`."""
        name = self.name.replace("_", "-")
        return f"--field-{name}" if name in taken else f"--{name}"


class JsonText(click.ParamType[Any]):
    """JSON on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return from_json(value, allow_inf_nan=False)
        except ValueError as error:
            self.fail(f"{value[:60]!r} is not JSON: {error}", param, ctx)


def fields_of(schema: JsonObject) -> list[Field]:
    """The fields of an input, required ones first."""
    required = schema.get("required", [])
    fields = [
        Field(name, _resolved(one, schema), name in required)
        for name, one in schema.get("properties", {}).items()
    ]
    return sorted(fields, key=lambda field: not field.required)


def to_option(field: Field, taken: Iterable[str]) -> click.Option:
    """A click option whose value is None, or an empty tuple, when it was not given."""
    name, parameter = field.option(taken), f"field_{field.name}"
    help_text = _help(field)
    if field.kind == "boolean":
        return click.Option(
            [f"{name}/--no-{name.removeprefix('--')}", parameter], default=None, help=help_text
        )
    shape = field.items if field.repeated else field.schema
    return click.Option([name, parameter], type=_type(shape), multiple=field.repeated, help=help_text)


def given_fields(fields: list[Field], values: dict[str, Any]) -> JsonObject:
    """What the options said, as part of the task's input."""
    given = {}
    for field in fields:
        value = values.get(f"field_{field.name}")
        if value is not None and value != ():
            given[field.name] = list(value) if field.repeated else value
    return given


def example_command(
    agent: str, task: str, fields: list[Field], examples: list[Any], taken: Iterable[str]
) -> str:
    """A command that works, from the task's first example."""
    example = (
        examples[0]
        if examples
        else {field.name: _placeholder(field.schema) for field in fields if field.required}
    )
    words = ["agents", "run", agent, task]
    for field in fields:
        if example.get(field.name) is not None:
            words += _words(field, example[field.name], field.option(taken))
    return shlex.join(words)


def _words(field: Field, value: Any, option: str) -> list[str]:
    if isinstance(value, bool) and field.kind == "boolean":
        return [option if value else f"--no-{option.removeprefix('--')}"]
    if field.repeated:
        return [word for item in value for word in (option, _word(field.items, item))]
    return [option, _word(field.schema, value)]


def _word(schema: JsonObject, value: Any) -> str:
    return to_json(value).decode() if isinstance(_type(schema), JsonText) else str(value)


def _resolved(schema: JsonObject, root: JsonObject) -> JsonObject:
    """References followed, `X | None` read as X, both one level deep: deeper values are given as JSON."""
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, root)
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if len(options) == 1:
        return _resolved(
            {**options[0], **{key: value for key, value in schema.items() if key != "anyOf"}}, root
        )
    if "items" in schema and isinstance(schema["items"], dict):
        return {**schema, "items": _resolved(schema["items"], root)}
    return schema


def _type(schema: JsonObject) -> click.ParamType[Any]:
    choices = schema.get("enum")
    if choices and all(isinstance(choice, str) for choice in choices):
        return click.Choice(choices)
    match schema.get("type"):
        case "string":
            return click.STRING
        case "integer":
            return click.IntRange(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return click.FloatRange(schema.get("minimum"), schema.get("maximum"))
        case "boolean":
            return click.BOOL
    return JsonText()


def _help(field: Field) -> str:
    said = [str(field.schema.get("description", "")).strip().rstrip(".")]
    shape = field.items if field.repeated else field.schema
    if field.repeated:
        said.append("repeat for several")
    if shape.get("type") not in SCALARS:
        said.append(_shape(shape))
    if "default" in field.schema and field.schema["default"] not in (None, [], {}, ""):
        said.append(f"default: {to_json(field.schema['default']).decode()}")
    text = "; ".join(part for part in said if part)
    return f"{text}  [required]" if field.required else text


def _shape(schema: JsonObject) -> str:
    """What a nested object consists of, in few words."""
    if "properties" not in schema:
        return "JSON"
    needed = schema.get("required", [])
    names = [name if name in needed else f"{name}?" for name in schema["properties"]]
    return f"JSON object {{{', '.join(names)}}}"


def _placeholder(schema: JsonObject) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_placeholder(schema.get("items") or {})]
        case "object":
            properties = schema.get("properties", {})
            return {name: _placeholder(properties[name]) for name in schema.get("required", [])}
    return "…"
