from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.system import Options


@dataclass(frozen=True)
class Row:
    """One fault: its attack begins the load, does its harm, and returns when the load has come through."""

    name: str
    title: str
    attack: Callable[[Field], Awaitable[None]]
    options: Options = field(default_factory=Options)
    targets: Targets = field(default_factory=Targets)
    why_other_targets: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Components on which there is no such fault, and why."""
