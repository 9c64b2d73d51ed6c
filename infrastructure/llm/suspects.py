"""Whose fault a failure is: the model's, or that of one input, which fails while the model answers others.

A failure counts against its execution when another one was answered since it failed last. A model that is down answers
nobody, so an outage counts once at most, however long it lasts and however often the execution is tried in it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

REMEMBERED = 1_000
"""Executions whose failures are counted; those that failed longest ago go first. A replica works on 256 at most."""


@dataclass(slots=True)
class _Suspect:
    """`answers` is how many there were when it failed last, its own since then left out."""

    answers: int
    failures: int = 0


class Suspects:
    """What one model's calls tell of each execution. An execution that never failed costs nothing."""

    def __init__(self) -> None:
        self.answers = 0
        """How many calls were answered."""
        self._known: OrderedDict[str, _Suspect] = OrderedDict()

    def __contains__(self, execution: str) -> bool:
        return execution in self._known

    def answered(self, execution: str | None) -> None:
        """Note an answer. One's own says nothing of others: a handler's first prompt may work and its second never."""
        self.answers += 1
        if self._known and execution is not None and (suspect := self._known.get(execution)) is not None:
            suspect.answers += 1

    def failed(self, execution: str | None) -> int:
        """Note a failure: how often the execution has failed while others were answered, or 0 when none was since it failed last."""
        if execution is None:
            return 0
        suspect = self._known.get(execution)
        if suspect is None:
            self._known[execution] = _Suspect(self.answers)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            return 0
        self._known.move_to_end(execution)
        if suspect.answers == self.answers:
            return 0
        suspect.answers = self.answers
        suspect.failures += 1
        return suspect.failures
