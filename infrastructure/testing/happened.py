"""What became of an event or a request, and what a test may claim of it: each refusal says what was there instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from domain.event import Event, EventData
from domain.execution import Execution, Failure

Kind = TypeVar("Kind", bound=EventData)


@dataclass(frozen=True)
class Happened:
    """`executions` are those that the event or request itself started; `events` all that was published until nothing was
    left to do, in order, by every agent of the platform.
    """

    executions: Sequence[Execution]
    events: Sequence[Event]

    @property
    def execution(self) -> Execution:
        """The only execution that was started."""
        __tracebackhide__ = True
        if len(self.executions) != 1:
            raise AssertionError(f"{len(self.executions)} executions were started, not one: {self._ran()}")
        return self.executions[0]

    @property
    def output(self) -> Any:
        """What the only execution put out, as JSON; it is an error when it failed."""
        __tracebackhide__ = True
        return self.completed().execution.output

    def completed(self) -> Self:
        """Every execution ended well, and there was one."""
        __tracebackhide__ = True
        if not self.executions:
            raise AssertionError("nothing was started: no task of the platform's agents reacts to this event")
        if any(one.status != "completed" for one in self.executions):
            raise AssertionError(f"not completed: {self._ran()}")
        return self

    def failed(self, code: str) -> Failure:
        """The only execution failed for good, with this error code."""
        __tracebackhide__ = True
        error = self.execution.error
        if error is None or error.code != code:
            raise AssertionError(f"not failed with {code}: {self._ran()}")
        return error

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The payloads of every event of a type, in the order in which they were published."""
        return [kind.model_validate(event.data) for event in self.events if event.type == kind.event_type]

    def one(self, kind: type[Kind]) -> Kind:
        """The payload of the only event of its type."""
        __tracebackhide__ = True
        found = self.of(kind)
        if len(found) != 1:
            raise AssertionError(
                f"{len(found)} events {kind.event_type} were published, not one; published: {self._published()}; {self._ran()}"
            )
        return found[0]

    def only(self, *kinds: type[EventData]) -> Self:
        """Exactly these events were published, each as often as it is named, in any order."""
        __tracebackhide__ = True
        if sorted(event.type for event in self.events) != sorted(kind.event_type for kind in kinds):
            wanted = ", ".join(kind.event_type for kind in kinds) or "none"
            raise AssertionError(f"published: {self._published()}; wanted: {wanted}; {self._ran()}")
        return self

    def _published(self) -> str:
        return ", ".join(event.type for event in self.events) or "nothing"

    def _ran(self) -> str:
        return "; ".join(map(_told, self.executions)) or "nothing ran"


def _told(one: Execution) -> str:
    error = f" with {one.error.code}: {one.error.message}" if one.error else ""
    return f"{one.agent}/{one.task} {one.status}{error}"
