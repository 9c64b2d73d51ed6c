"""`code`: a function decides, a shipped one by its name or one of your own by `module:function`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from infrastructure.evaluation.checks import shipped
from infrastructure.evaluation.checks.kind import NotRun, Test
from infrastructure.evaluation.values import text_in, unknown
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node


def code(node: Node, report: Report) -> Test | None:
    """The function takes the value and the case's input; it gives None, or a text that says what is wrong."""
    name = text_in(node, "`code`", report)
    if name is None:
        return None
    if ":" not in name:
        if name not in shipped.FUNCTIONS:
            unknown(node, f"the code check {name}", name, shipped.FUNCTIONS, report)
            return None
        function = shipped.FUNCTIONS[name]
    else:
        module, _, attribute = name.partition(":")
        try:
            function = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            report.error(
                node,
                f"{name} cannot be imported: {error}",
                "write module:function, as it is on Python's path",
            )
            return None
        if not callable(function):
            report.error(node, f"{name} is no function", "name a function of the value and the case's input")
            return None

    def decide(value: Any, given: Mapping[str, Any]) -> str | None:
        try:
            wrong = function(value, given)
        except NotRun:
            raise
        except Exception as error:  # an author's function may raise anything
            raise NotRun(f"{name} raised {type(error).__name__}: {error}: mend the function") from error
        return None if wrong is None else str(wrong)

    return Test(f"passes {name}", decide)
