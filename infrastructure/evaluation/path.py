"""Paths into an answer: `files[0].path`, `files[*].content`; the empty path is the whole answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from domain.json import JsonObject

Step: TypeAlias = str | int | None
"""A property's name, an item's number, or None for every item."""

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d{1,4}|\*)\]")


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        ValueError: naming what cannot be read.

    """
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"cannot be read from `{text[position:]}` on")
        name, number = match.groups()
        steps.append(name if name is not None else None if number == "*" else int(number))
        position = match.end()
    return tuple(steps)


def schema_at(schema: JsonObject, steps: tuple[Step, ...]) -> JsonObject:
    """The schema of what a path leads to.

    Raises:
        ValueError: saying where the path leaves the schema.

    """
    found, here = schema, "answer"
    for step in steps:
        kinds = found.get("type", [])
        if isinstance(step, str):
            properties = found.get("properties", {})
            if step not in properties:
                raise ValueError(f"{here} has no `{step}`; it has {', '.join(properties) or 'no properties'}")
            found = properties[step]
        elif "array" in (kinds if isinstance(kinds, list) else [kinds]):
            found = found.get("items", {})
        else:
            raise ValueError(f"{here} is no list")
        here = f"{here}{written(step)}"
    return found


def values(answer: Any, steps: tuple[Step, ...], here: str = "answer") -> Iterator[tuple[str, Any]]:
    """What a path leads to, each with where it is.

    Raises:
        LookupError: saying what is not there.

    """
    if not steps:
        yield here, answer
        return
    step, *rest = steps
    if step is None:
        for number, item in enumerate(answer if isinstance(answer, list) else []):
            yield from values(item, tuple(rest), f"{here}[{number}]")
        return
    there = (isinstance(answer, dict) and step in answer) or (
        isinstance(answer, list) and isinstance(step, int) and step < len(answer)
    )
    if not there:
        raise LookupError(f"there is no {here}{written(step)}")
    yield from values(answer[step], tuple(rest), f"{here}{written(step)}")


def written(step: Step) -> str:
    return f".{step}" if isinstance(step, str) else "[*]" if step is None else f"[{step}]"


def text_of(value: Any) -> str:
    """All texts within a value, a line each; numbers and the like as they are written."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(map(text_of, value.values()))
    if isinstance(value, list):
        return "\n".join(map(text_of, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
