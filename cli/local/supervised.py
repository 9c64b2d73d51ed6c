"""The life of one program: start, watch, replace when it dies or freezes, back off when it cannot start."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from cli.errors import CommandError
from cli.local.last_words import complaint, last_words, plain_words
from cli.local.loglines import Lines, LogFile
from cli.local.probe import Health
from cli.local.process import Child, describe_exit
from cli.local.service import Role, Service
from cli.local.unending import go_on
from cli.local.vitals import vitals, waited_for_a_core

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
STEADY = 10.0  # up so long, it is not a crash loop: the pause starts small again
# How long silence is borne, by what the process does meanwhile; what it and who asks it wait for a core is not counted.
STOPPED = 1.0  # SIGSTOP: it will not answer by itself
STUCK = 4.0  # uses no CPU: deadlocked, or something blocks its event loop
BUSY = 15.0  # computes
SLOW_START = 60.0  # has not answered since it was started
COMPLAINT_HOLDS = 30.0  # a sidecar that cannot receive says so every 10 s at least
KEPT_LINES = 20  # of what it said last
STOP_GRACE = 8.0  # an app takes AGENTS_GRACE (4 s) to end its work, and a moment to hand back the rest


class State(StrEnum):
    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"  # it answers, and says that it cannot work
    BACKOFF = "backoff"
    STOPPED = "stopped"


class Supervised:
    """Runs a Service until it is told to stop."""

    def __init__(
        self,
        service: Service,
        *,
        on_line: Callable[[Service, str], None],
        on_change: Callable[["Supervised", str], None],
        on_group: Callable[[str, int], None],
        freeze_detection: bool = True,
        gives_up: bool = False,
    ) -> None:
        """`gives_up`: an agent that was never ready and refuses its configuration is not tried again."""
        self.service = service
        self.state = State.WAITING
        self.restarts = 0
        self.last_exit: str | None = None
        self.last_words: str | None = None  # why it ended, where it said so
        self._complaints: dict[str, tuple[float, str]] = {}
        self.ready = asyncio.Event()
        self.was_ready = False  # at least once since this start
        self.since = time.monotonic()
        self.start_took: float | None = None  # seconds, when it became ready by a start
        self.refused = False  # by itself, for its configuration: it was given up
        self._freeze_detection = freeze_detection
        self._gives_up = gives_up
        self._heard: deque[str] = deque(maxlen=KEPT_LINES)
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        self._again = asyncio.Event()
        self._on_change = on_change
        self._on_group = on_group
        self._log = LogFile(service.log)
        self._on_line = on_line
        self._lines = Lines(self._hear)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child and self._child.running else None

    @property
    def complaints(self) -> list[str]:
        """What it says now that it cannot do, though it runs."""
        heard = time.monotonic() - COMPLAINT_HOLDS
        return [told for when, told in self._complaints.values() if when > heard]

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            ended = await self._run_once()
            if self._stopping.is_set():
                break
            if self._again.is_set():
                pause = FIRST_PAUSE
                continue
            self.last_exit = f"{ended} after {time.monotonic() - started:.1f} s"
            if self.refused:
                self._become(State.STOPPED, f"{self.last_exit}; log: {self.service.log}")
                break
            self.restarts += 1
            if time.monotonic() - started > STEADY:
                pause = FIRST_PAUSE
            self._become(State.BACKOFF, f"{self.last_exit}, again in {pause:.1f} s; log: {self.service.log}")
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._become(State.STOPPED)
        self._log.close()

    async def restart(self, grace: float = STOP_GRACE) -> None:
        """End it in order, so that its work is finished or handed back, and start it again at once: no crash, and none counted."""
        self._again.set()
        self._become(State.STARTING)
        if (child := self._child) and child.running:
            child.terminate()
            await asyncio.wait([asyncio.ensure_future(child.wait())], timeout=grace)
            child.kill()

    async def stop(self, grace: float = STOP_GRACE) -> None:
        """Ask it to end, then make it: nothing of its group is left after this."""
        self._stopping.set()
        if child := self._child:
            if child.running:
                child.terminate()
                await asyncio.wait([asyncio.ensure_future(child.wait())], timeout=grace)
            child.kill()

    def kill(self) -> None:
        self._stopping.set()
        if self._child:
            self._child.kill()

    async def _pause(self, seconds: float) -> None:
        """Ends early when it is to end, or to be tried again: what kept it from starting may have been mended."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stopping, self._again)]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        self._again.clear()

    async def _run_once(self) -> str:
        self._again.clear()
        self._heard.clear()
        if self._child is not None and self._child.running:
            self._child.kill()  # what went wrong here left it behind
        self._become(State.STARTING)
        self._note(f"starting {' '.join(map(str, self.service.argv))}")
        try:
            child = Child(
                self.service.argv, cwd=self.service.cwd, env=self.service.env, on_output=self._take_output
            )
        except OSError as error:
            self._note(f"cannot start: {error}")
            return f"cannot start: {error}"
        self._child = child
        self._on_group("+", child.pid)
        watch = asyncio.create_task(go_on("watching its health", lambda: self._watch(child), self._note))
        try:
            code = await child.wait()
        finally:
            watch.cancel()
            self._on_group("-", child.pid)
        if self.service.role is Role.APP:
            refuses = code == os.EX_CONFIG
            self.last_words = plain_words(self._heard) if refuses else None
            self.refused = refuses and self._gives_up and not self.was_ready
        reason = watch.result() if watch.done() and not watch.cancelled() else None
        self._note(reason or describe_exit(code))
        return reason or describe_exit(code)

    async def _watch(self, child: Child) -> str:
        """Follow its health; returns why it had to be killed."""
        started = heard = moved = time.monotonic()
        ticks, waited, starved = 0, 0.0, 0.0
        prepared = False
        while True:
            health = await self.service.probe()
            now = time.monotonic()
            if health is Health.READY and not prepared:
                prepared = await self._prepare()
            if self._again.is_set():
                pass  # it is ending, though it may still answer
            elif health is Health.READY and prepared:
                self._become(State.READY)
                self.last_words = None
            elif self.state is State.READY and not self._stopping.is_set():
                silent = health is Health.SILENT
                self._become(State.UNREADY, "does not answer" if silent else "answers, but is not ready")
            letter, used = vitals(child.pid)
            # A program that has just ended tells nothing any more.
            waited = max(waited, waited_for_a_core(child.pid) + waited_for_a_core(os.getpid()))
            if health is not Health.SILENT or letter == "t":  # t: a debugger holds it
                heard, starved = now, waited
            if used != ticks:
                ticks, moved = used, now
            silence = now - heard - (waited - starved)
            if heard == started:
                patience, why = SLOW_START, "does not answer since its start"
            elif letter == "T":
                patience, why = STOPPED, "stopped (SIGSTOP)"
            elif now - moved >= STUCK:
                patience, why = STUCK, "frozen: neither answers nor works"
            else:
                patience, why = BUSY, "too busy to answer"
            if silence > patience and (self._freeze_detection or heard == started):
                child.kill()
                return f"{why} for {silence:.1f} s, killed"
            await asyncio.sleep(0.5 if self.state is State.READY else 0.05)

    async def _prepare(self) -> bool:
        try:
            await self.service.prepare()
        except (OSError, CommandError) as error:
            self._note(str(error))
            await asyncio.sleep(1)
            return False
        return True

    def _become(self, state: State, why: str = "") -> None:
        if state is self.state and not why:
            return
        now = time.monotonic()
        self.start_took = now - self.since if self.state is State.STARTING else None
        self.state, self.since = state, now
        if state is State.READY:
            self.ready.set()
            self.was_ready = True
        else:
            self.ready.clear()
        self._on_change(self, why)

    def _take_output(self, data: bytes) -> None:
        self._log.write(data)
        self._lines.feed(data)

    def _hear(self, line: str) -> None:
        self._on_line(self.service, line)
        self._heard.append(line)
        if self.service.role is Role.SIDECAR:
            self.last_words = last_words(line) or self.last_words
            if told := complaint(line):
                self._complaints[told[0]] = (time.monotonic(), told[1])

    def _note(self, text: str) -> None:
        self._log.write(f"--- {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n".encode())
