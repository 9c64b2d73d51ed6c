"""One thread, simulated time, an event loop for each simulated process: what runs next is the seed's choice."""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from heapq import heappop, heappush
from random import Random
from typing import Any, cast

NEVER = float("inf")


class Handle:
    """What `call_soon` and `call_later` return."""

    __slots__ = ("args", "callback", "context", "done", "due")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context, due: float
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.due = due
        self.done = False

    def cancel(self) -> None:
        self.done = True

    def cancelled(self) -> bool:
        return self.done

    def when(self) -> float:
        return self.due


class ProcessLoop:
    """The loop of one simulated process, as much of one as asyncio's tasks, timeouts and events ask for.

    Dead, it forgets all; frozen, nothing of it runs; its clock is its own.
    """

    def __init__(self, scheduler: Scheduler, process: Any, *, skew: float = 0.0) -> None:
        """`skew` is what the process's clock shows when the simulation begins: clocks must never be compared."""
        self.process = process
        self.dead = False
        self.frozen_until = 0.0
        self.ready: deque[Handle] = deque()
        self._scheduler = scheduler
        self._skew = skew
        self._as_loop = cast("asyncio.AbstractEventLoop", self)
        self._tasks: list[asyncio.Task[Any]] = []
        scheduler.loops.append(self)

    def time(self) -> float:
        return self._scheduler.now + self._skew

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, contextvars.copy_context() if context is None else context, 0.0)
        if not self.dead:
            self.ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Handle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Handle:
        handle = Handle(callback, args, contextvars.copy_context() if context is None else context, when)
        if not self.dead:
            self._scheduler.add_timer(when - self._skew, self, handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._as_loop)

    def create_task(self, coro: Coroutine[Any, Any, Any], **kwargs: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self._as_loop, **kwargs)
        self._tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tasks that died with their process are no news."""

    def die(self) -> None:
        """As SIGKILL: no `finally` has an effect any more. What is left is thrown away by `bury`."""
        if not self.dead:
            self.dead = True
            self.ready.clear()
            self._scheduler.loops.remove(self)
            self._scheduler.dead.append(self)

    def bury(self) -> None:
        """Close what never ended, once its effects are nobody's concern."""
        self.die()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # nobody waits for it
                with suppress(BaseException):
                    task.get_coro().close()
        self._tasks.clear()


class Scheduler:
    """Runs callbacks of all processes in an order drawn from `random`.

    Between processes any order may come. Within one, asyncio promises first come, first served, and with `orderly` keeps
    that; without, callbacks overtake each other, as if the ports had answered in another order.
    """

    def __init__(self, random: Random, *, orderly: bool) -> None:
        self.now = 0.0
        self.loops: list[ProcessLoop] = []
        self.dead: list[ProcessLoop] = []
        self.steps = 0
        self._random = random
        self._orderly = orderly
        self._timers: list[tuple[float, int, ProcessLoop | None, Any]] = []
        self._order = 0

    def add_timer(self, when: float, loop: ProcessLoop, handle: Handle) -> None:
        self._order += 1
        heappush(self._timers, (when, self._order, loop, handle))

    def later(self, delay: float, callback: Callable[[], object]) -> None:
        """A timer of the world outside the processes."""
        self._order += 1
        heappush(self._timers, (self.now + delay, self._order, None, callback))

    def run(self, quiet: Callable[[], bool], *, until: float, steps: int) -> bool:
        """Run until nothing is ready and `quiet` says so; False when time or steps were used up before."""
        timers, last = self._timers, self.steps + steps
        before = events._get_running_loop()
        try:
            while self.steps < last:
                if timers and timers[0][0] <= self.now:
                    self._wake()
                ready = [loop for loop in self.loops if loop.ready]
                if ready and (runnable := [loop for loop in ready if loop.frozen_until <= self.now]):
                    self._run_one(runnable)
                    continue
                while timers and timers[0][2] is not None and timers[0][3].done:
                    heappop(timers)  # cancelled: time does not stop for it
                if quiet():
                    return True
                self.now = timers[0][0] if timers else NEVER
                if ready:
                    self.now = min(self.now, *(loop.frozen_until for loop in ready))
                if self.now > until:
                    self.now = until
                    return False
            return False
        finally:
            events._set_running_loop(before)

    def bury(self) -> None:
        """Throw away all that is left."""
        before = events._get_running_loop()
        for loop in [*self.loops, *self.dead]:
            events._set_running_loop(loop._as_loop)
            loop.bury()
        events._set_running_loop(before)
        self._timers.clear()
        self.dead.clear()

    def _wake(self) -> None:
        timers, now = self._timers, self.now
        while timers and timers[0][0] <= now:
            _, _, loop, due = heappop(timers)
            if loop is None:
                due()
            elif not due.done and not loop.dead:
                loop.ready.append(due)

    def _run_one(self, runnable: list[ProcessLoop]) -> None:
        loop = runnable[int(self._random.random() * len(runnable))] if len(runnable) > 1 else runnable[0]
        ready = loop.ready
        if not self._orderly and len(ready) > 1:
            ready.rotate(-int(self._random.random() * len(ready)))
        handle = ready.popleft()
        if handle.done:
            return
        self.steps += 1
        events._set_running_loop(loop._as_loop)
        handle.context.run(handle.callback, *handle.args)
