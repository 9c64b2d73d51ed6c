"""Plain values from located YAML, and the words for what stands where something else should."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from math import isfinite
from typing import Any

from infrastructure.located_yaml.problem import Place, Report
from infrastructure.located_yaml.tree import Node

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")


def plain(node: Node, report: Report) -> Any:  # noqa: PLR0911 - one return per kind
    """A JSON value. Numbers that YAML 1.1 reads in its own ways (010, 1_000, 12:30, .inf) are refused."""
    match node.kind:
        case "list":
            return [plain(item, report) for item in node.items]
        case "object":
            return {key: plain(value, report) for key, value in node.fields.items()}
        case "nothing":
            return None
        case "true or false":
            return node.text.lower() in ("true", "yes", "on")
        case "whole number" if _WHOLE.fullmatch(node.text):
            return int(node.text)
        case "number" if (number := _number(node.text)) is not None:
            return number
        case "whole number" | "number":
            report.error(node, f"the number {node.text}", "write it plainly, or as a text in quotes")
            return None
        case _:
            return node.text


def text_in(node: Node, what: str, report: Report) -> str | None:
    if node.kind == "text" and node.text.strip():
        return node.text
    report.error(
        node, f"{what} is {kind_of(node)}", "write a text, in quotes where YAML takes it for another"
    )
    return None


def texts_in(node: Node, what: str, report: Report) -> tuple[str, ...] | None:
    """One text, or a list of them."""
    nodes = node.items if node.kind == "list" else [node]
    texts = [text_in(one, what, report) for one in nodes]
    if not texts:
        report.error(node, f"{what} is an empty list", "name at least one text")
    found = tuple(text for text in texts if text is not None)
    return found if found and len(found) == len(texts) else None


def number_in(node: Node, what: str, low: float, high: float, report: Report) -> float | None:
    value = plain(node, report) if node.kind in ("whole number", "number") else None
    if value is None or not low <= value <= high:
        said = node.text if node.kind in ("whole number", "number") else kind_of(node)
        bounds = f"from {low:g} to {high:g}" if isfinite(low) and isfinite(high) else "of any size"
        report.error(node, f"{what} is {said}", f"write a number {bounds}")
        return None
    return float(value)


def object_in(node: Node, what: str, known: Iterable[str], report: Report) -> Node | None:
    """The node itself when it is an object; keys that are not among the known are errors."""
    if node.kind != "object":
        report.error(node, f"{what} is {kind_of(node)}", f"write it with the keys {', '.join(known)}")
        return None
    for key, spot in node.keys.items():
        if key not in known:
            unknown(spot, f"the key `{key}` of {what}", key, known, report)
    return node


def unknown(place: Place, what: str, wrong: str, known: Iterable[str], report: Report) -> None:
    names = list(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    cure = f"do you mean `{close[0]}`?" if close else f"there are {', '.join(names) or 'none'}"
    report.error(place, f"{what} is unknown", cure)


def kind_of(node: Node) -> str:
    names = {"object": "an object", "nothing": "empty", "true or false": "true or false"}
    if node.kind == "text":
        return "a text" if node.text.strip() else "an empty text"
    return names.get(node.kind, f"a {node.kind}")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and "_" not in text else None
