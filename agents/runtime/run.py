"""One claimed execution at work in this process: attempts, completion, publication, handing back."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import uuid4
from weakref import WeakValueDictionary

from agents.runtime.claims import Claims, Held
from agents.runtime.context import Context
from agents.runtime.dead_letters import DeadLetters
from agents.runtime.documents import create, execution_key
from agents.runtime.policy import judge
from agents.runtime.publication import Publication
from agents.runtime.records import Recorded, Records
from agents.runtime.timing import Timing, backoff
from agents.runtime.watch import Watch
from agents.runtime.work import Work
from domain.errors import AgentError, TooLarge, Unavailable
from domain.execution import Claim, Execution, Failure, Trigger
from domain.figures import Answered
from domain.ports.rollout import Rollout
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry

log = logging.getLogger(__name__)

LONGEST_MESSAGE, LARGEST_DETAILS = 4_000, 64_000
"""Characters and bytes of a failure that are recorded."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What every run of an agent shares."""

    store: StateStore
    claims: Claims
    work: Work
    records: Records
    publication: Publication
    dead_letters: DeadLetters
    telemetry: Telemetry
    timing: Timing
    rollout: Rollout | None
    _busy: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def make_visible(self, execution: Execution, *, surely_new: bool) -> None:
        """Apply the recorded changes and publish the recorded events. Done twice it changes nothing."""
        async with self._busy.setdefault(execution.id, asyncio.Lock()):
            if not surely_new and await self.publication.is_out(execution.id):
                return
            unapplied = await self.work.entities.apply(execution)
            if execution.dead_letter is not None:
                await self.dead_letters.add(execution.dead_letter)
            await self.publication.publish(execution, unapplied)


class Run:
    """`task` ends with the recorded and visible outcome, or with None when the work turned out to be another's.

    Whatever else ends it, its claim is handed back. It claims by itself: who waits for it may go while the answer to a
    claim is on its way, and the claim must not be left standing.
    """

    _claim: Claim

    def __init__(
        self, lifecycle: Lifecycle, trigger: Trigger, held: Held | None, watch: Watch | None
    ) -> None:
        """`held` is the claim to take over, None for new work."""
        self.trigger = held.claim.trigger if held else trigger
        self.crashes = held.claim.crashes_if_lost if held else 0
        self.callers = 0
        """Requests that wait for its end: whoever does not, or has gone, knows only that the work was accepted."""
        self.trouble = _news()
        """Resolved while the run has to wait for something, with what that is."""
        self.claimed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolved once the work is surely this run's."""
        self.nonce = uuid4().hex[:12]
        """What the claim is made under. Short, since every beat names those of all runs."""
        self.shown_at = asyncio.get_running_loop().time()
        """When the last beat began that surely told of it; before the first, when it began itself."""
        self.doubted = False
        """Whether the pulse was away for so long that the claim may have been taken over."""
        self._all = lifecycle
        self._watch = watch
        self._told: str | None = None
        """What the claim says that it waits for."""
        self._answers: list[Answered] = []
        """What all attempts here got from the model."""
        self._renewing = False
        self._stopped = False
        self.task = asyncio.create_task(self._live(held))

    def stop(self) -> None:
        """End here and hand back. Only the first call cancels: a second would interrupt the handing back."""
        if not self._stopped:
            self._stopped = True
            self.task.cancel()

    @property
    def is_to_renew(self) -> bool:
        """Whether the claim is in doubt, or says something old."""
        busy = self._renewing or self._stopped or self.task.done() or not self.claimed.done()
        return not busy and (self.doubted or self._told != self._waits_for)

    async def renew(self) -> None:
        """Move the claim while it is one's own. A zombie learns here that it is one, and stops paying."""
        self._renewing, self.doubted, self._told = True, False, self._waits_for
        try:
            mine = await self._all.claims.renew(self._claim, self._told) is not None
        except Exception as error:
            self.doubted = mine = True
            bug = not isinstance(error, AgentError)
            log.warning(
                "execution %s may be another replica's by now: %s", self._claim.id, error, exc_info=bug
            )
        finally:
            self._renewing = False
        if not (mine or self._stopped or self.task.done()):
            self._is_anothers()

    @property
    def _waits_for(self) -> str | None:
        if not self.trouble.done():
            return None
        trouble = self.trouble.result()
        return f"{trouble.code}: {trouble.message}"

    async def _live(self, held: Held | None) -> Execution | None:
        now = asyncio.get_running_loop().time

        async def make_visible() -> None:
            # After a lease, frozen or held up, somebody else may have published it: look before doing it again.
            new = created and now() - recording < self._all.timing.lease
            await self._all.make_visible(execution, surely_new=new)

        try:
            if not await self._obtain(held):
                return None
            record = await self._work_until_recorded(began=now())
            recording = now()
            execution, created = await self._until_available(partial(self._complete, record))
            await self._until_available(make_visible)
        except BaseException as error:
            # Only what a handler did counts as its attempt, and such errors have been recorded by now.
            bug = isinstance(error, Exception) and not isinstance(error, AgentError)
            self._stopped = True
            await self._hand_back(judge(error).code if bug else "handed_back")
            raise
        else:
            return execution

    async def _obtain(self, held: Held | None) -> bool:
        obtain = partial(self._all.claims.obtain, self.trigger, held, self.nonce)
        claim = await self._until_available(obtain)
        if claim is None:
            return False
        self._claim = claim
        self.claimed.set_result(None)
        if held is None:
            self._count("agents.claims")
        else:
            if not held.claim.handed_back:
                self._count("agents.takeovers")
            log.info("took over execution %s from %s", claim.id, held.claim.owner)
        return True

    async def _work_until_recorded(self, began: float) -> Recorded:
        """Run the handler until there is something to record: an outcome, or a failure for good."""
        trigger, timing = self._claim.trigger, self._all.timing
        if trigger.refusal is not None:
            return self._failed(trigger.refusal, 0, began)
        if (crashes := self._claim.crashes) >= timing.max_crashes:
            crashed = Failure(
                code="crashed", message=f"the process was lost {crashes} times while it ran this"
            )
            return self._failed(crashed, crashes, began)
        waits = 0
        while True:
            context = self._all.work.context(trigger, self._require_claim, self._answers, self._watch)
            try:
                ran = await self._all.work.run(trigger, context)
                rehearse = partial(self._all.work.entities.rehearse, ran.outcome.changes)
                await self._until_available(rehearse)
                return self._all.records.completed(self._claim, ran, context, began)
            except Unavailable as error:
                await self._wait_for(error, waits)
                waits += 1
            except Exception as error:
                attempts = self._claim.failures + 1
                expected = isinstance(error, AgentError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "attempt %d of %s/%s failed: %s", attempts, trigger.agent, trigger.task, error,
                    exc_info=not expected,
                )  # fmt: skip
                if judge(error).final or attempts >= timing.max_attempts:
                    return self._failed(failure_of(error), attempts, began, context)
                await self._until_available(partial(self._next_attempt, judge(error).code))
                await _pause(attempts)

    def _failed(
        self, failure: Failure, attempts: int, began: float, context: Context | None = None
    ) -> Recorded:
        answers = self.callers > 0
        return self._all.records.failed(self._claim, failure, attempts, began, context, answers=answers)

    async def _next_attempt(self, why: str) -> None:
        claim = await self._all.claims.end_attempt(self._claim, why, hand_back=False)
        if claim is None:
            await self._end_as_zombie()
        else:
            self._claim = claim

    async def _complete(self, record: Recorded) -> tuple[Execution, bool]:
        """Create the outcome. Refused: another attempt was first, so its outcome is the outcome and mine is dropped."""
        store, ttl, execution = self._all.store, self._all.timing.outcome_ttl, record.execution
        try:
            theirs = await create(store, Execution, execution_key(execution.id), record.data, ttl=ttl)
        except TooLarge as error:  # the store takes less than it was said to
            if execution.status == "failed":
                raise Unavailable(f"the store does not even take the record of a failure: {error}") from None
            began = asyncio.get_running_loop().time() - execution.duration_ms / 1000
            return await self._complete(self._failed(failure_of(error), execution.attempts, began))
        if theirs is not None:
            return theirs, False
        self._count_outcome(execution)
        return execution, True

    def _count_outcome(self, execution: Execution) -> None:
        labels = {"agent": execution.agent, "task": execution.task, "status": execution.status}
        self._all.telemetry.count("agents.executions", attributes=labels)
        self._all.telemetry.record("agents.execution.duration", execution.duration_ms / 1000, labels)
        if self._all.rollout is not None:
            self._all.rollout.note(execution, self._answers)
        if execution.dead_letter is not None:
            self._count("agents.dead_letters", cause=execution.dead_letter.cause)

    def _count(self, name: str, **labels: str) -> None:
        self._all.telemetry.count(name, attributes={"agent": self.trigger.agent, **labels})

    async def _require_claim(self, *, surely: bool) -> None:
        silence = asyncio.get_running_loop().time() - self.shown_at
        if not surely and silence < self._all.timing.silence:
            return
        if not await self._all.claims.still_mine(self._claim):
            await self._end_as_zombie()

    async def _end_as_zombie(self) -> None:
        self._is_anothers()
        await asyncio.sleep(
            0
        )  # where the cancellation arrives; a handler that swallows it gets no further either
        raise asyncio.CancelledError

    def _is_anothers(self) -> None:
        """Another replica owns this now: nothing that happens here may be recorded or paid for any more."""
        log.warning("execution %s is another replica's now: its run here ends", self._claim.id)
        self.stop()

    async def _until_available(self, operation: Callable[[], Awaitable[Result]]) -> Result:
        """Repeat an operation on the sidecar while it is down: a paid answer is not thrown away."""
        failures = 0
        while True:
            try:
                return await operation()
            except Unavailable as error:
                await self._wait_for(error, failures)
                failures += 1

    async def _wait_for(self, error: Unavailable, failures: int) -> None:
        if failures == 0:
            log.warning("execution %s waits: %s", self.trigger.execution_id, error)
        if not self.trouble.done():
            self.trouble.set_result(error)
        await _pause(failures, error.retry_after)
        self.trouble = _news()

    async def _hand_back(self, reason: str) -> None:
        execution_id = self.trigger.execution_id
        try:
            if await self._all.claims.give_up(execution_id, self.nonce, reason):
                self._count("agents.handbacks", reason=reason)
        except AgentError as error:
            log.warning("execution %s not handed back, its lease will end: %s", execution_id, error)


def failure_of(error: Exception) -> Failure:
    """What the record says of an error, whatever a handler put into it."""
    verdict = judge(error)
    message = verdict.message[:LONGEST_MESSAGE].encode(errors="replace").decode()
    details = error.details if isinstance(error, AgentError) else {}
    safe = json.dumps(details, ensure_ascii=False, default=str).encode(errors="replace")
    if len(safe) > LARGEST_DETAILS:
        safe = json.dumps({"left_out": f"{len(safe)} bytes of details"}).encode()
    return Failure(code=verdict.code, message=message, details=json.loads(safe))


def _news() -> asyncio.Future[AgentError]:
    return asyncio.get_running_loop().create_future()


async def _pause(failures: int, retry_after: float | None = None) -> None:
    """As long as the other side asks for, at most a minute; else back off. With jitter, so that not all come back at once."""
    seconds = backoff(failures) if retry_after is None else min(max(retry_after, 0.05), 60.0)
    await asyncio.sleep(seconds * random.uniform(1.0, 1.2))  # noqa: S311  # no secret
