"""`contains`, `contains_any`, `not_contains`, `regex`, `not_regex`, `length`: texts, and all the texts within a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from infrastructure.evaluation.checks.kind import Reader, Test
from infrastructure.evaluation.checks.value import bounds_in_words, shown
from infrastructure.evaluation.path import text_of
from infrastructure.evaluation.values import kind_of, number_in, object_in, text_in, texts_in, unknown
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node

LONGEST: Final = 1_000_000
_UNITS: Final = ("characters", "words", "items")


def _containing(name: str, says: str, missing: Callable[[str, tuple[str, ...]], str | None]) -> Reader:
    """Upper and lower case are the same."""

    def read(node: Node, report: Report) -> Test | None:
        wanted = texts_in(node, f"`{name}`", report)
        if wanted is None:
            return None

        def decide(value: Any, _: Mapping[str, Any]) -> str | None:
            return missing(text_of(value).casefold(), wanted)

        return Test(f"{says} {', '.join(map(shown, wanted))}", decide)

    return read


def _lacks(text: str, wanted: tuple[str, ...]) -> str | None:
    absent = [one for one in wanted if one.casefold() not in text]
    return f"it does not contain {', '.join(absent)}" if absent else None


def _lacks_all(text: str, wanted: tuple[str, ...]) -> str | None:
    return None if any(one.casefold() in text for one in wanted) else "it contains none of them"


def _has(text: str, unwanted: tuple[str, ...]) -> str | None:
    found = [one for one in unwanted if one.casefold() in text]
    return f"it contains {', '.join(found)}" if found else None


contains = _containing("contains", "contains", _lacks)
contains_any = _containing("contains_any", "contains any of", _lacks_all)
not_contains = _containing("not_contains", "contains none of", _has)


def _matching(name: str, *, wanted: bool) -> Reader:
    def read(node: Node, report: Report) -> Test | None:
        source = text_in(node, f"`{name}`", report)
        if source is None:
            return None
        try:
            pattern = re.compile(source)
        except re.error as error:
            report.error(
                node, f"the regular expression does not compile: {error}", "correct it, or quote it with '…'"
            )
            return None

        def decide(value: Any, _: Mapping[str, Any]) -> str | None:
            found = pattern.search(text_of(value))
            if (found is not None) is wanted:
                return None
            return f"“{shown(found[0])}” matches" if found else "nothing matches"

        return Test(f"{'matches' if wanted else 'matches nowhere'} {shown(source)}", decide)

    return read


regex = _matching("regex", wanted=True)
not_regex = _matching("not_regex", wanted=False)


def length(node: Node, report: Report) -> Test | None:
    """Of a text in characters or words, of a list in items."""
    if object_in(node, "`length`", ("min", "max", "unit"), report) is None:
        return None
    bounds = {
        key: number_in(node.fields[key], f"`length.{key}`", 0, LONGEST, report)
        for key in ("min", "max")
        if key in node.fields
    }
    low, high = bounds.get("min"), bounds.get("max")
    if not bounds:
        report.error(node, "`length` has no bound", "write {min: …}, {max: …} or both")
    unit_node = node.fields.get("unit")
    unit = unit_node.text if unit_node else None
    if unit_node is not None and unit not in _UNITS:
        unknown(unit_node, f"the unit {unit or kind_of(unit_node)}", unit or "", _UNITS, report)
        return None
    if (low is None and high is None) or None in bounds.values():
        return None
    if low is not None and high is not None and low > high:
        report.error(node, f"`length` from {low:g} to {high:g} is empty", "swap the two")
        return None

    def decide(value: Any, _: Mapping[str, Any]) -> str | None:
        size, counted = _size(value, unit)
        fits = (low is None or size >= low) and (high is None or size <= high)
        return None if fits else f"it has {size} {counted}"

    return Test(f"length {bounds_in_words(low, high)}{f' {unit}' if unit else ''}", decide)


def _size(value: Any, unit: str | None) -> tuple[int, str]:
    if isinstance(value, list) and unit in (None, "items"):
        return len(value), "items"
    text = text_of(value)
    return (len(text.split()), "words") if unit == "words" else (len(text), "characters")
