"""What a kind of check is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node


class NotRun(Exception):
    """The check cannot be made here: something is not installed. It says what to install, and never counts as passed."""


Decide: TypeAlias = Callable[[Any, Mapping[str, Any]], str | None]
"""From the value a path led to and the case's input: why the check fails, or None when it passes."""


@dataclass(frozen=True, slots=True)
class Rubric:
    """A check that a model decides: it grades from 1 to 5, and `at_least` is good enough."""

    text: str
    at_least: int


@dataclass(frozen=True, slots=True)
class Test:
    """What one check looks for: `says` in words, and who decides."""

    says: str
    decide: Decide | Rubric


Reader: TypeAlias = Callable[[Node, Report], Test | None]
"""From what stands behind the kind's name; None when that is wrong, and why is in the report."""
