"""Who waits for a turn: each task's in their order, the tasks one after the other, so that a busy one starves no other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Waiting:
    """`turn` is resolved when it is its turn; `tokens` is what it needs then."""

    task: str
    tokens: int
    turn: asyncio.Future[None]


class FairQueue:
    def __init__(self) -> None:
        self._by_task: OrderedDict[str, deque[Waiting]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_task.values()))

    @property
    def tokens(self) -> int:
        """What all of them need together."""
        return sum(one.tokens for waiting in self._by_task.values() for one in waiting)

    def add(self, task: str, tokens: int) -> Waiting:
        waiting = Waiting(task, tokens, asyncio.get_running_loop().create_future())
        self._by_task.setdefault(task, deque()).append(waiting)
        return waiting

    def first(self) -> Waiting | None:
        """Whose turn is next."""
        return next(iter(self._by_task.values()))[0] if self._by_task else None

    def remove(self, waiting: Waiting) -> None:
        """Because it has had its turn, or went away; its task goes to the end of the row when it was first."""
        row = self._by_task[waiting.task]
        was_first = row[0] is waiting
        row.remove(waiting)
        if not row:
            del self._by_task[waiting.task]
        elif was_first:
            self._by_task.move_to_end(waiting.task)
