"""One claimed execution at work in this process: beat, attempts, completion, publication, handing back."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias, TypeVar

from agents.runtime.claims import Claims
from agents.runtime.documents import encode, execution_key, read_execution
from agents.runtime.policy import judge
from agents.runtime.publication import Publication
from agents.runtime.timing import Timing, backoff
from agents.runtime.work import Work
from domain.errors import AgentError, TooLarge, Transient, Unavailable
from domain.execution import Claim, Execution, Failure
from domain.ports.state import StateStore

log = logging.getLogger(__name__)

Result = TypeVar("Result")
OnText: TypeAlias = Callable[[str], None]


class Lifecycle:
    """What every run of an agent shares."""

    def __init__(
        self, store: StateStore, claims: Claims, work: Work, publication: Publication, timing: Timing
    ) -> None:
        self.store = store
        self.claims = claims
        self.work = work
        self.publication = publication
        self.timing = timing

    async def make_visible(self, execution: Execution) -> None:
        """Apply the recorded changes and publish the recorded events. Done twice it changes nothing."""
        await self.work.entities.apply(execution)
        await self.publication.publish(execution)


class Run:
    """`task` ends with the recorded and visible outcome; cancelled, it hands its claim back."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        claim: Claim,
        *,
        taken_over: bool,
        on_text: OnText | None = None,
    ) -> None:
        self.claim = claim
        self.trouble: asyncio.Future[AgentError] = asyncio.get_running_loop().create_future()
        """Resolved at the first thing that the run has to wait for."""
        self._all = lifecycle
        self._taken_over = taken_over
        self._on_text = on_text
        self.task = asyncio.create_task(self._live())

    async def _live(self) -> Execution:
        beat = asyncio.create_task(self._beat())
        try:
            record = await self._work_until_recorded()
            execution, mine = await self._until_available(lambda: self._complete(record))
            await self._until_available(
                lambda: self._make_visible(execution, surely_new=mine and not self._taken_over)
            )
        except (asyncio.CancelledError, AgentError) as error:
            beat.cancel()
            await self._hand_back(
                "handed_back" if isinstance(error, asyncio.CancelledError) else judge(error).code
            )
            raise
        else:
            return execution
        finally:
            beat.cancel()

    async def _work_until_recorded(self) -> Execution:
        """Run the handler until there is something to record: an outcome, or a failure for good."""
        trigger, work, timing = self.claim.trigger, self._all.work, self._all.timing
        started_at = datetime.now(UTC)
        failures = sum(a.ended not in {None, "lost", "handed_back"} for a in self.claim.attempts)
        crashes = sum(a.ended == "lost" for a in self.claim.attempts)
        waits = 0
        if trigger.refusal is not None:
            return work.failed(trigger, trigger.refusal, started_at, failures)
        if crashes >= timing.max_crashes:
            crashed = Failure(
                code="crashed", message=f"the process was lost {crashes} times while it ran this"
            )
            return work.failed(trigger, crashed, started_at, crashes)
        while True:
            try:
                ran = await work.run(trigger, self._require_claim, self._on_text)
                return work.completed(trigger, ran, started_at, failures + 1)
            except Unavailable as error:
                await self._wait_for(error, waits)
                waits += 1
            except Exception as error:
                failures += 1
                expected = isinstance(error, AgentError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "attempt %d of %s/%s failed: %s", failures, trigger.agent, trigger.task, error,
                    exc_info=not expected,
                )  # fmt: skip
                verdict = judge(error)
                if verdict.final or failures >= timing.max_attempts:
                    details = error.details if isinstance(error, AgentError) else {}
                    failure = Failure(code=verdict.code, message=verdict.message, details=details)
                    return work.failed(trigger, failure, started_at, failures)
                end = partial(self._all.claims.end_attempt, self.claim, verdict.code, hand_back=False)
                await self._until_available(end)
                await _pause(failures)

    async def _complete(self, record: Execution) -> tuple[Execution, bool]:
        """Create the outcome. Refused: another attempt was first, so its outcome is the outcome and mine is dropped."""
        store, ttl = self._all.store, self._all.timing.outcome_ttl
        try:
            created = await store.create(execution_key(record.id), encode(record), ttl=ttl)
        except TooLarge as error:
            failure = Failure(code=error.code, message=error.message, details=error.details)
            started_at = datetime.fromisoformat(record.started_at)
            smaller = self._all.work.failed(self.claim.trigger, failure, started_at, record.attempts)
            if record.status == "failed":
                raise
            return await self._complete(smaller)
        if created:
            self._all.work.measure(record)
            return record, True
        theirs = await read_execution(store, record.id)
        if theirs is None:
            raise Unavailable(f"the store refused {execution_key(record.id)}, yet does not hold it")
        return theirs, False

    async def _make_visible(self, execution: Execution, *, surely_new: bool) -> None:
        if surely_new or not await self._all.publication.is_out(execution.id):
            await self._all.make_visible(execution)

    async def _require_claim(self) -> None:
        if not await self._all.claims.still_mine(self.claim):
            raise Transient("another replica owns this execution now")

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
        log.warning("execution %s waits: %s", self.claim.id, error)
        if not self.trouble.done():
            self.trouble.set_result(error)
        await _pause(failures, error.retry_after)

    async def _beat(self) -> None:
        """Move the claim while its run lives. A zombie learns here that it is one, and stops paying."""
        while True:
            await asyncio.sleep(self._all.timing.beat)
            try:
                if not await self._all.claims.beat(self.claim):
                    log.warning("execution %s is another replica's now: its run here ends", self.claim.id)
                    self.task.cancel()
                    return
            except AgentError as error:
                log.warning("no beat for execution %s: %s", self.claim.id, error)

    async def _hand_back(self, reason: str) -> None:
        try:
            await self._all.claims.end_attempt(self.claim, reason, hand_back=True)
        except AgentError as error:
            log.warning("execution %s not handed back, its lease will end: %s", self.claim.id, error)


async def _pause(failures: int, retry_after: float | None = None) -> None:
    """Back off with jitter, and as long as the other side asks for (at most a minute)."""
    await asyncio.sleep(max(backoff(failures) * random.uniform(0.8, 1.2), min(retry_after or 0, 60.0)))  # noqa: S311  # no secret
