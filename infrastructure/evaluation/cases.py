"""A case file: `prompts/<agent>/<prompt>/cases.yaml`, checked against the prompt it is for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import InvalidInput, PromptInvalid
from domain.prompt import Prompt
from infrastructure.evaluation.checks import Check, read_checks
from infrastructure.evaluation.values import kind_of, number_in, object_in, plain, text_in, texts_in, unknown
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.located_yaml.tree import Node, decode, read_tree

FILE: Final = "cases.yaml"
MAX_FILE: Final = 1024 * 1024
MARGIN: Final = 0.05
THRESHOLD: Final = 0.8
_HEAD: Final = ("description", "margin", "threshold", "checks", "cases")
_CASE: Final = ("id", "tags", "input", "checks")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and what holds for a good answer to it."""

    id: str
    tags: tuple[str, ...]
    input: Mapping[str, Any]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """`margin`: how much lower than its predecessor a release may score; `threshold`: below it an evaluation fails.

    Scores go from 0 to 1. `content_hash` is the SHA-256 of the file in hex.
    """

    content_hash: str
    margin: float
    threshold: float
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """What one file gave: `cases` is None when it has problems."""

    cases: CaseFile | None
    problems: tuple[Problem, ...]


def read_cases(raw: bytes, *, file: str, prompt: Prompt) -> Read:
    """Read a case file, or tell everything that is wrong with it. `file` is how problems call it."""
    report = Report(file)
    cases = _read(raw, prompt, report)
    problems = tuple(sorted(report.problems, key=lambda problem: (problem.line, problem.column)))
    return Read(None if report.has_errors else cases, problems)


def _read(raw: bytes, prompt: Prompt, report: Report) -> CaseFile | None:
    if len(raw) > MAX_FILE:
        report.error(Spot(1), f"{len(raw):,} bytes, {MAX_FILE:,} are allowed", "take out what is not needed")
        return None
    text = decode(raw, report)
    root = read_tree(text, report) if text is not None else None
    if root is None or report.has_errors:
        if not report.has_errors:
            report.error(Spot(1), "the file is empty", "write margin: … and cases: …: see docs/evaluation.md")
        return None
    if object_in(root, "a case file", _HEAD, report) is None:
        return None
    common = read_checks(root.fields.get("checks"), prompt.output_schema, report)
    return CaseFile(
        content_hash=hashlib.sha256(raw).hexdigest(),
        margin=_share(root, "margin", MARGIN, report),
        threshold=_share(root, "threshold", THRESHOLD, report),
        cases=_cases(root, common, prompt, report),
    )


def _share(root: Node, key: str, default: float, report: Report) -> float:
    if key not in root.fields:
        return default
    value = number_in(root.fields[key], f"`{key}`", 0, 1, report)
    return default if value is None else value


def _cases(root: Node, common: tuple[Check, ...], prompt: Prompt, report: Report) -> tuple[Case, ...]:
    node = root.fields.get("cases")
    if node is None or node.kind != "list" or not node.items:
        wrong = "no `cases`" if node is None else "`cases` is empty" if node.kind == "list" else None
        report.error(node or root, wrong or f"`cases` is {kind_of(node or root)}", "write a list: - id: …")
        return ()
    lines: dict[str, int] = {}
    cases = []
    for item in node.items:
        case = _case(item, common, prompt, lines, report)
        if case is not None:
            cases.append(case)
    return tuple(cases)


def _case(
    node: Node, common: tuple[Check, ...], prompt: Prompt, lines: dict[str, int], report: Report
) -> Case | None:
    if object_in(node, "a case", _CASE, report) is None:
        return None
    name = _id(node, lines, report)
    checks = read_checks(node.fields.get("checks"), prompt.output_schema, report)
    given = _input(node, prompt, report)
    if not (checks or common) and not node.fields.get("checks"):
        report.error(node, "a case without checks", "say what holds for a good answer: checks: …")
    tags = texts_in(node.fields["tags"], "`tags`", report) if "tags" in node.fields else ()
    if name is None or given is None:
        return None
    return Case(name, tags or (), given, (*common, *checks))


def _id(node: Node, lines: dict[str, int], report: Report) -> str | None:
    if "id" not in node.fields:
        report.error(node, "a case without `id`", "give it a short name, such as id: printer-on-fire")
        return None
    place = node.fields["id"]
    name = text_in(place, "`id`", report)
    if name is None:
        return None
    if not _ID.fullmatch(name):
        report.error(place, f"the id {name!r}", "use letters, digits, `-`, `_` and `.`, at most 80")
        return None
    if name in lines:
        report.error(place, f"the id {name} is taken, by the case in line {lines[name]}", "give it another")
        return None
    lines[name] = place.line
    return name


def _input(node: Node, prompt: Prompt, report: Report) -> Mapping[str, Any] | None:
    place = node.fields.get("input")
    if place is None or place.kind != "object":
        said = "a case without `input`" if place is None else f"`input` is {kind_of(place)}"
        report.error(place or node, said, f"write the prompt's variables: {', '.join(prompt.variables)}")
        return None
    for name, spot in place.keys.items():
        if name not in prompt.variables:
            unknown(spot, f"the variable {name}", name, prompt.variables, report)
    given: dict[str, Any] = plain(place, report)
    try:
        prompt.render(given)
    except InvalidInput as error:
        missing = ", ".join(str(one["field"]) for one in error.details.get("errors", []))
        if missing:
            report.error(place, f"the prompt needs {missing}", "give a value for each")
        else:
            report.error(place, "the prompt has nothing to ask with it", "give its variables values")
    except PromptInvalid as error:
        report.error(place, f"the prompt cannot be rendered with it: {error.message}", "mend the values")
    return given
