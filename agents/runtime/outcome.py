"""What a handler returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from domain.event import EventData
from domain.execution import Change


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task: its output, the events to publish, and the changes to make to entities.

    The handler itself publishes and saves nothing: the runtime records the outcome first, then applies and publishes it.
    """

    output: BaseModel
    events: Sequence[EventData] = ()
    changes: Sequence[Change] = ()
