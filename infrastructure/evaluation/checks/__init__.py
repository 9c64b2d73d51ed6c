"""The kinds of checks, and one check as it stands in a case file: `{at: category, equals: network}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.json import JsonObject
from infrastructure.evaluation import path
from infrastructure.evaluation.answer_schema import misfits
from infrastructure.evaluation.checks import code, judge, similar, text, value
from infrastructure.evaluation.checks.kind import Reader, Test
from infrastructure.evaluation.values import kind_of, plain, text_in, unknown
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node

KINDS: Final[dict[str, Reader]] = {
    "equals": value.equals,
    "one_of": value.one_of,
    "range": value.range_,
    "contains": text.contains,
    "contains_any": text.contains_any,
    "not_contains": text.not_contains,
    "regex": text.regex,
    "not_regex": text.not_regex,
    "length": text.length,
    "code": code.code,
    "similar": similar.similar,
    "judge": judge.judge,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A test of what `steps` lead to in the answer; `name` says both in words."""

    name: str
    steps: tuple[path.Step, ...]
    test: Test


def read_checks(node: Node | None, schema: JsonObject | None, report: Report) -> tuple[Check, ...]:
    if node is None:
        return ()
    if node.kind != "list":
        report.error(node, f"`checks` is {kind_of(node)}", "write a list: - {at: …, equals: …}")
        return ()
    checks = [read_check(item, schema, report) for item in node.items]
    return tuple(check for check in checks if check is not None)


def read_check(node: Node, schema: JsonObject | None, report: Report) -> Check | None:
    """`schema` is the answer's: a path that leads nowhere in it is an error, and so is a value it does not allow."""
    if node.kind != "object":
        report.error(node, f"a check is {kind_of(node)}", "write {at: …, equals: …}")
        return None
    for key, spot in node.keys.items():
        if key != "at" and key not in KINDS:
            unknown(spot, f"the check `{key}`", key, ("at", *KINDS), report)
    kinds = [key for key in node.keys if key in KINDS]
    if len(kinds) != 1:
        if kinds:
            report.error(
                node.keys[kinds[1]], f"one check does {' and '.join(kinds)}", "make each its own check"
            )
        elif set(node.keys) <= {"at"}:
            report.error(node, "a check that checks nothing", f"add one of {', '.join(KINDS)}")
        return None
    steps = _steps(node.fields.get("at"), report)
    test = KINDS[kinds[0]](node.fields[kinds[0]], report)
    if steps is None or test is None:
        return None
    if schema is not None and not _is_possible(node, kinds[0], steps, schema, report):
        return None
    where = "".join(map(path.written, steps)).lstrip(".") or "the answer"
    return Check(f"{where} {test.says}", steps, test)


def _steps(node: Node | None, report: Report) -> tuple[path.Step, ...] | None:
    if node is None:
        return ()
    text = text_in(node, "`at`", report)
    if text is None:
        return None
    try:
        return path.parse(text)
    except ValueError as error:
        report.error(node, f"the path {error}", "write it like files[0].path or files[*].content")
        return None


def _is_possible(
    node: Node, kind: str, steps: tuple[path.Step, ...], schema: JsonObject, report: Report
) -> bool:
    try:
        there = path.schema_at(schema, steps)
    except ValueError as error:
        report.error(node.fields["at"], f"the path leads nowhere: {error}", "correct it")
        return False
    if kind not in ("equals", "one_of"):
        return True
    wanted = node.fields[kind]
    impossible = [
        (one, why)
        for one in (wanted.items if kind == "one_of" else [wanted])
        for why in misfits(plain(one, report), there, "it")
    ]
    for one, why in impossible:
        report.error(one, f"no answer can pass: {why}", "take a value that the prompt's schema allows")
    return not impossible
