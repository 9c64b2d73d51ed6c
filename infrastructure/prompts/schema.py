"""The rules for output schemas: bounded, so that small models stay valid, and in the words that all servers know.

Sources: Azure OpenAI's structured outputs (closed objects, everything required, 100 properties, five levels), and runs of a
135M model on Ollama, whose answers stayed valid only where arrays had `maxItems`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from domain.json import JsonObject
from infrastructure.located_yaml.problem import Place, Report, Spot
from infrastructure.located_yaml.tree import Node, read_tree

MAX_LEVELS = 5
MAX_PROPERTIES = 100
MAX_ANSWER = 200_000

_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_ANYWHERE = {"type", "title", "description", "enum", "const"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
}
_COUNTS = {"minItems", "maxItems", "minLength", "maxLength"}
_CURES = {
    "pattern": "leave it out and check it in the answer's model: servers read it differently",
    "format": "leave it out and check it in the answer's model: servers read it differently",
    "anyOf": 'leave it out; for an optional value write "type": ["string", "null"]',
    "oneOf": 'leave it out; for an optional value write "type": ["string", "null"]',
    "$ref": "write the schema out where it is used",
    "$defs": "write the schemas out where they are used",
}


def read_schema(node: Node, place: Callable[[int], Spot], report: Report) -> JsonObject | None:
    """The schema in a text node, or None when it cannot be used. `place` maps an offset in the text to the file."""
    try:
        schema = from_json(node.text, allow_inf_nan=False)
    except ValueError as error:
        report.error(
            _json_spot(str(error), node, place),
            f"the schema is no JSON: {error}",
            "correct it; it is JSON, not YAML",
        )
        return None
    if not isinstance(schema, dict):
        report.error(node, "the schema is not an object", 'write {"type": "object", …}')
        return None
    tree = _tree(node, place, report)
    rules = _Rules(report)
    rules.check(schema, tree, "answer", 1)
    if schema.get("type") != "object":
        report.error(
            tree,
            "the answer's type is not `object`",
            'write "type": "object" and put the value into a property',
        )
    if rules.properties > MAX_PROPERTIES:
        report.warning(
            tree, f"{rules.properties} properties, {MAX_PROPERTIES} are allowed", "ask for less in one answer"
        )
    if not rules.unbounded and (longest := largest(schema)) > MAX_ANSWER:
        report.warning(
            tree,
            f"the longest possible answer has {longest:,} characters, {MAX_ANSWER:,} are allowed",
            "lower maxItems and maxLength",
        )
    return schema


def largest(schema: JsonObject) -> int:
    """About how many characters the longest answer takes as compact JSON, escapes left aside; of a bounded schema."""
    if "const" in schema:
        return len(str(schema["const"])) + 2
    if "enum" in schema:
        return max((len(str(value)) for value in schema["enum"]), default=0) + 2
    kinds = _types(schema)
    if "object" in kinds:
        return sum(len(name) + 4 + largest(value) for name, value in schema.get("properties", {}).items()) + 2
    if "array" in kinds:
        return int(schema.get("maxItems", 0)) * (largest(schema.get("items", {})) + 1) + 2
    return int(schema.get("maxLength", 0)) + 2 if "string" in kinds else 20


class _Rules:
    def __init__(self, report: Report) -> None:
        self.properties = 0
        self.unbounded = False
        self._report = report

    def check(self, schema: Any, node: Node, path: str, level: int) -> None:
        if not isinstance(schema, dict):
            self._report.error(node, f"the schema of {path} is not an object", 'write {"type": …}')
            self.unbounded = True
            return
        kinds = _types(schema)
        if not kinds or any(kind not in _TYPES for kind in kinds):
            known = ", ".join(_TYPES)
            self._report.error(
                _at(node, "type"), f"{path} has no usable `type`", f'write "type": and one of {known}'
            )
            self.unbounded = True
            return
        if level > MAX_LEVELS:
            self._report.warning(
                node, f"{path} lies deeper than {MAX_LEVELS} levels", "ask for a flatter answer"
            )
        self._keywords(schema, kinds, node, path)
        if "enum" not in schema and "const" not in schema:
            self._string(schema, kinds, node, path)
        if "array" in kinds:
            self._array(schema, node, path, level)
        if "object" in kinds:
            self._object(schema, node, path, level)

    def _keywords(self, schema: JsonObject, kinds: list[str], node: Node, path: str) -> None:
        allowed = _ANYWHERE.union(*(_KEYWORDS.get(kind, set()) for kind in kinds))
        for keyword in sorted(schema.keys() - allowed):
            cure = _CURES.get(keyword, f"leave it out; here stand {', '.join(sorted(allowed))}")
            self._report.warning(_at(node, keyword), f"`{keyword}` in the schema of {path}", cure)
        for keyword in sorted(_COUNTS & schema.keys()):
            if type(schema[keyword]) is not int or schema[keyword] < 0:
                self._report.error(
                    _at(node, keyword), f"`{keyword}` of {path} is no whole number", "write 1 or more"
                )
                self.unbounded = True
        if "enum" in schema and (not isinstance(schema["enum"], list) or not schema["enum"]):
            self._report.error(
                _at(node, "enum"), f"`enum` of {path} is no list of values", "list the allowed values"
            )
            self.unbounded = True

    def _string(self, schema: JsonObject, kinds: list[str], node: Node, path: str) -> None:
        if "string" in kinds and "maxLength" not in schema:
            self.unbounded = True
            self._report.warning(
                node, f"{path} has no `maxLength`", "bound it, or list its values with `enum`"
            )

    def _array(self, schema: JsonObject, node: Node, path: str, level: int) -> None:
        if "maxItems" not in schema:
            self.unbounded = True
            self._report.warning(
                node, f"{path} has no `maxItems`", "bound it: models that may go on do go on"
            )
        if "items" not in schema:
            self.unbounded = True
            self._report.warning(node, f"{path} has no `items`", "say what it lists")
        else:
            self.check(schema["items"], node.fields.get("items", node), f"{path}[]", level + 1)

    def _object(self, schema: JsonObject, node: Node, path: str, level: int) -> None:
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not properties:
            self.unbounded = True
            self._report.warning(node, f"{path} has no `properties`", "list them")
            return
        if schema.get("additionalProperties") is not False:
            self.unbounded = True
            self._report.warning(
                _at(node, "additionalProperties"),
                f"{path} is open to further properties",
                'write "additionalProperties": false',
            )
        required = schema.get("required", [])
        if not isinstance(required, list) or sorted(map(str, required)) != sorted(properties):
            wanted = ", ".join(f'"{name}"' for name in properties)
            self._report.warning(
                _at(node, "required"),
                f"`required` of {path} does not list all properties",
                f'write "required": [{wanted}]; an optional one may be null',
            )
        self.properties += len(properties)
        nodes = node.fields.get("properties", node)
        for name, value in properties.items():
            self.check(value, nodes.fields.get(name, nodes), f"{path}.{name}", level + 1)


def _types(schema: JsonObject) -> list[str]:
    kind = schema.get("type")
    if isinstance(kind, list):
        return [str(one) for one in kind]
    return [kind] if isinstance(kind, str) else []


def _at(node: Node, key: str) -> Place:
    return node.keys.get(key, node)


def _tree(node: Node, place: Callable[[int], Spot], report: Report) -> Node:
    """The schema's text as a tree with places in the file. JSON is YAML too, so one reader does for both."""
    inner = Report(report.file)
    root = read_tree(node.text, inner)
    if (
        root is None
    ):  # JSON that YAML cannot read, such as very long keys: then problems stand at the schema's start
        return node
    lines = [0, *(match.end() for match in re.finditer("\n", node.text))]

    def moved(spot: Place) -> Spot:
        return place(lines[min(spot.line, len(lines)) - 1] + spot.column - 1)

    for problem in inner.problems:
        report.error(moved(problem), problem.text, problem.cure)
    pending = [root]
    while pending:
        part = pending.pop()
        spot = moved(part)
        part.line, part.column = spot.line, spot.column
        part.keys = {key: moved(where) for key, where in part.keys.items()}
        pending += [*part.items, *part.fields.values()]
    return root


def _json_spot(message: str, node: Node, place: Callable[[int], Spot]) -> Place:
    # pydantic_core ends its messages with "at line 3 column 5"
    words = message.split()
    try:
        line, column = int(words[-3]), int(words[-1])
    except (ValueError, IndexError):
        return node
    before = sum(len(text) + 1 for text in node.text.split("\n")[: line - 1])
    return place(before + max(column, 1) - 1)
