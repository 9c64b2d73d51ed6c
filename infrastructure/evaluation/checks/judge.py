"""`judge`: a model grades the answer by a rubric."""

from __future__ import annotations

from typing import Final

from infrastructure.evaluation.checks.kind import Rubric, Test
from infrastructure.evaluation.checks.value import shown
from infrastructure.evaluation.values import number_in, object_in, text_in
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node

LOWEST, HIGHEST, GOOD_ENOUGH = 1, 5, 4
_KEYS: Final = ("rubric", "at_least")


def judge(node: Node, report: Report) -> Test | None:
    if object_in(node, "`judge`", _KEYS, report) is None:
        return None
    if "rubric" not in node.fields:
        report.error(node, "`judge` has no `rubric`", "say what a good answer does, in one or two sentences")
        return None
    text = text_in(node.fields["rubric"], "`judge.rubric`", report)
    least: float | None = GOOD_ENOUGH
    if "at_least" in node.fields:
        least = number_in(node.fields["at_least"], "`judge.at_least`", LOWEST, HIGHEST, report)
    if text is None or least is None:
        return None
    return Test(f"is judged {least:g} of {HIGHEST}: {shown(text)}", Rubric(text, int(least)))
