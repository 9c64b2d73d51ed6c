"""One HTML file with everything in it: no network, no script, everything escaped, readable on a phone and in the dark."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain import json
from infrastructure.evaluation.compare import METHOD
from infrastructure.evaluation.pairs import Pair
from infrastructure.evaluation.path import text_of
from infrastructure.evaluation.report.terminal import MARKS
from infrastructure.evaluation.results import CaseResult

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST_DIFF = 4000  # tokens: difflib is quadratic


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that both versions have, or only one."""

    text: str
    changed: bool = False


def html(pairs: Sequence[Pair], threshold: float | None, made: datetime) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(
        pairs=[(pair, pair.comparison, list(_rows(pair))) for pair in pairs],
        threshold=threshold,
        made=f"{made:%Y-%m-%d %H:%M %Z}",
        marks=MARKS,
        method=METHOD,
    )


def _rows(pair: Pair) -> Iterator[dict[str, Any]]:
    before = {one.case.id: one for one in pair.before.cases} if pair.before else {}
    for one in pair.now.cases:
        earlier = before.get(one.case.id)
        sides = difference(_answers(earlier), _answers(one)) if earlier else None
        yield {
            "now": one,
            "before": earlier,
            "given": [(name, _readable(value)) for name, value in one.case.input.items()],
            "answers": [_pretty(attempt.text) for attempt in one.attempts],
            "sides": sides,
        }


def difference(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, word by word; very long ones as one piece each."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if max(len(old), len(new)) > _LONGEST_DIFF:
        return [Piece(before, changed=before != after)], [Piece(after, changed=before != after)]
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for what, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if old_to > old_from:
            left.append(Piece("".join(old[old_from:old_to]), what != "equal"))
        if new_to > new_from:
            right.append(Piece("".join(new[new_from:new_to]), what != "equal"))
    return left, right


def _answers(one: CaseResult) -> str:
    return "\n\n".join(_pretty(attempt.text) for attempt in one.attempts)


def _pretty(text: str | None) -> str:
    """An answer for people: names with dashes, texts with their lines; no JSON when there is none."""
    if text is None:
        return "(no answer)"
    try:
        value = json.parse(text)
    except ValueError:
        return text
    return "\n".join(_outline(value, ""))


def _outline(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list) or "\n" in str(item):
                yield f"{indent}{key}:"
                yield from _outline(item, indent + "  ")
            else:
                yield f"{indent}{key}: {text_of(item)}"
    elif isinstance(value, list):
        for item in value:
            lines = list(_outline(item, indent + "  ")) or [indent + "  "]
            yield f"{indent}- {lines[0][len(indent) + 2 :]}"
            yield from lines[1:]
    else:
        yield from (f"{indent}{line}" for line in text_of(value).split("\n"))


def _readable(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(_outline(value, ""))
