"""The keys of a prompt file: which there are, of what type, within which limits."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json

from infrastructure.located_yaml.problem import Report, Spot
from infrastructure.located_yaml.tree import Node

TOP: Final = (
    "name",
    "description",
    "template",
    "template_format",
    "input_variables",
    "output_variable",
    "execution_settings",
)
OUTPUT: Final = ("description", "json_schema")
VARIABLE: Final = (
    "name",
    "description",
    "is_required",
    "default",
    "json_schema",
    "allow_dangerously_set_content",
)
SETTINGS: Final = ("max_tokens", "timeout", "temperature", "top_p", "seed")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MAX_TOKENS = 32_768
MAX_TIMEOUT = 3600
DEFAULT_MAX_TOKENS = 1024
DEFAULT_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    spot: Spot
    is_required: bool = True
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What stands in for a limit that is missing keeps a prompt usable; it cannot be released so."""

    max_tokens: int = DEFAULT_MAX_TOKENS
    timeout: float = DEFAULT_TIMEOUT
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


def variables(root: Node, report: Report) -> dict[str, Variable]:
    declared: dict[str, Variable] = {}
    node = root.fields.get("input_variables")
    if node is None or node.kind == "nothing":
        return declared
    if node.kind != "list":
        report.error(node, f"`input_variables` is {_a(node)}", "write a list: - name: …")
        return declared
    for item in node.items:
        variable = _variable(item, report)
        if variable is None:
            continue
        if variable.name in declared:
            report.error(
                variable.spot, f"the variable {variable.name} is declared twice", "remove one of them"
            )
        declared[variable.name] = variable
    return declared


def settings(root: Node, report: Report) -> Settings:
    node = section(root, "execution_settings", report)
    default = section(node, "default", report) if node else None
    for service, spot in node.keys.items() if node else ():
        if service != "default":
            report.warning(
                spot, f"the settings of the service `{service}` are not used", "put them under `default`"
            )
    if default is None:
        report.warning(
            root.keys.get("execution_settings", root),
            "no limits",
            "write execution_settings: default: max_tokens: …",
        )
        return Settings()
    check_known(default, SETTINGS, "execution_settings.default.", report)
    max_tokens = _whole(default, "max_tokens", 1, MAX_TOKENS, report)
    if "max_tokens" not in default.fields:
        report.warning(
            default, "no `max_tokens`", "write the length of the longest answer you expect, in tokens"
        )
    timeout = _number(default, "timeout", 0, MAX_TIMEOUT, report)
    if timeout == 0:
        report.error(default.fields["timeout"], "`timeout` is 0", f"write seconds, at most {MAX_TIMEOUT}")
    return Settings(
        max_tokens=max_tokens or DEFAULT_MAX_TOKENS,
        timeout=timeout or DEFAULT_TIMEOUT,
        temperature=_number(default, "temperature", 0, 2, report),
        top_p=_number(default, "top_p", 0, 1, report),
        seed=_whole(default, "seed", 0, 2**31 - 1, report),
    )


def check_known(node: Node, known: tuple[str, ...], prefix: str, report: Report) -> None:
    for key, spot in node.keys.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            cure = f"do you mean `{close[0]}`?" if close else f"remove it; known are {', '.join(known)}"
            report.warning(spot, f"the key `{prefix}{key}` has no effect", cure)


def section(root: Node, key: str, report: Report) -> Node | None:
    """An object under a key, None when there is none or it is empty."""
    node = root.fields.get(key)
    if node is None or node.kind == "nothing":
        return None
    if node.kind != "object":
        report.error(node, f"`{key}` is {_a(node)}", "write keys and values below it, indented")
        return None
    return node


def text(root: Node, key: str, report: Report) -> str | None:
    node = root.fields.get(key)
    if node is None or node.kind == "nothing":
        return None
    if node.kind == "text":
        return node.text
    if key == "json_schema":
        report.error(node, f"`{key}` is {_a(node)}", "write it as JSON in a text block: json_schema: |")
    else:
        report.error(
            node,
            f"`{key}` is {_a(node)}",
            "write a text, in quotes where YAML would take it for something else",
        )
    return None


def _variable(item: Node, report: Report) -> Variable | None:
    if item.kind != "object":
        report.error(item, f"a variable is {_a(item)}", "write - name: … and below it description: …")
        return None
    check_known(item, VARIABLE, "input_variables.", report)
    name = text(item, "name", report)
    if not name:
        report.error(item, "a variable without `name`", "give it the name that the template uses")
        return None
    if not _NAME.fullmatch(name):
        report.error(item.fields["name"], f"{name} cannot be a variable's name", "use letters, digits and _")
        return None
    text(item, "description", report)
    if schema := text(item, "json_schema", report):
        try:
            from_json(schema)
        except ValueError as error:
            report.warning(
                item.fields["json_schema"], f"the schema is no JSON: {error}", "correct it or leave it out"
            )
    if _flag(item, "allow_dangerously_set_content", default=False, report=report):
        report.note(
            item.keys["allow_dangerously_set_content"],
            "`allow_dangerously_set_content` has no effect here",
            "values are always data; leave it out unless Semantic Kernel shall render the file too",
        )
    default = item.fields.get("default")
    if default is not None and default.kind in ("list", "object"):
        report.error(default, f"`default` is {_a(default)}", "write a text")
    elif default is not None and default.kind not in ("text", "nothing"):
        report.warning(default, f"`default` is {_a(default)}", f'put it in quotes: "{default.text}"')
    return Variable(
        name,
        item.keys["name"],
        is_required=_flag(item, "is_required", default=True, report=report),
        default=default.text if default is not None and default.kind != "nothing" else None,
    )


def _flag(node: Node, key: str, *, default: bool, report: Report) -> bool:
    value = node.fields.get(key)
    if value is None or value.kind == "nothing":
        return default
    if value.kind != "true or false" and value.text.lower() not in ("true", "false"):
        report.error(value, f"`{key}` is {_a(value)}", "write true or false")
        return default
    return value.text.lower() in ("true", "yes", "on")


def _whole(node: Node, key: str, low: int, high: int, report: Report) -> int | None:
    value = node.fields.get(key)
    if value is None:
        return None
    number = (
        int(value.text)
        if value.kind == "whole number" and re.fullmatch(r"[+-]?\d{1,18}", value.text)
        else None
    )
    if number is None or not low <= number <= high:
        report.error(value, f"`{key}` is {_said(value)}", f"write a whole number from {low} to {high}")
        return None
    return number


def _number(node: Node, key: str, low: float, high: float, report: Report) -> float | None:
    value = node.fields.get(key)
    if value is None:
        return None
    try:
        number = float(value.text) if value.kind in ("whole number", "number") else math.nan
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        report.error(value, f"`{key}` is {_said(value)}", f"write a number from {low} to {high}")
        return None
    return number


def _a(node: Node) -> str:
    names = {
        "text": "a text",
        "object": "an object",
        "list": "a list",
        "nothing": "empty",
        "true or false": "true or false",
    }
    return names.get(node.kind, f"a {node.kind}")


def _said(node: Node) -> str:
    return node.text if node.kind in ("whole number", "number") else _a(node)
