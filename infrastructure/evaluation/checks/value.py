"""`equals`, `one_of`, `range`: values as they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from infrastructure.evaluation.answer_schema import same
from infrastructure.evaluation.checks.kind import Test
from infrastructure.evaluation.values import kind_of, number_in, object_in, plain
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node


def equals(node: Node, report: Report) -> Test | None:
    known = len(report.problems)
    wanted = plain(node, report)
    if len(report.problems) > known:
        return None

    def decide(value: Any, _: Mapping[str, Any]) -> str | None:
        return None if same(value, wanted) else f"it is {shown(value)}"

    return Test(f"equals {shown(wanted)}", decide)


def one_of(node: Node, report: Report) -> Test | None:
    if node.kind != "list" or not node.items:
        report.error(node, f"`one_of` is {kind_of(node)}", "list the values, as [low, medium]")
        return None
    wanted = [plain(item, report) for item in node.items]

    def decide(value: Any, _: Mapping[str, Any]) -> str | None:
        return None if any(same(value, one) for one in wanted) else f"it is {shown(value)}"

    return Test(f"is one of {', '.join(map(shown, wanted))}", decide)


def range_(node: Node, report: Report) -> Test | None:
    if object_in(node, "`range`", ("min", "max"), report) is None:
        return None
    bounds = {
        key: number_in(value, f"`range.{key}`", -math.inf, math.inf, report)
        for key, value in node.fields.items()
        if key in ("min", "max")
    }
    low, high = bounds.get("min"), bounds.get("max")
    if low is None and high is None:
        if not bounds:
            report.error(node, "`range` has no bound", "write {min: …}, {max: …} or both")
        return None
    if low is not None and high is not None and low > high:
        report.error(node, f"`range` from {low:g} to {high:g} is empty", "swap the two")
        return None

    def decide(value: Any, _: Mapping[str, Any]) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"it is no number but {shown(value)}"
        fits = (low is None or value >= low) and (high is None or value <= high)
        return None if fits else f"it is {value}"

    return Test(bounds_in_words(low, high), decide)


def bounds_in_words(low: float | None, high: float | None) -> str:
    if low is None:
        return f"is at most {high:g}"
    return f"is at least {low:g}" if high is None else f"is from {low:g} to {high:g}"


def shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
