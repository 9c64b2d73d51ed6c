"""The life of an execution: claim, meet, run, complete, apply, publish, answer.

What is promised: accepted work gets exactly one recorded outcome, its events go out under one identity at least once,
and its changes take effect once, however often the work is delivered, processes die or freeze, or stores fail.
On the way through three things are asked of the sidecar: create the claim, create the outcome, publish. Everything else
is for trouble.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from agents.runtime.agent import Agent
from agents.runtime.claims import Claims, Held, Owner
from agents.runtime.context import Ports
from agents.runtime.dead_letters import DeadLetters
from agents.runtime.documents import read_execution
from agents.runtime.publication import Publication
from agents.runtime.pulse import Pulse
from agents.runtime.records import Records
from agents.runtime.run import Lifecycle, Run, failure_of
from agents.runtime.timing import Timing, backoff
from agents.runtime.triggers import changed, require_same_input, without_original
from agents.runtime.waiting import Pending, Request, Settled, claimed, outcome_of
from agents.runtime.watch import Watch
from agents.runtime.work import Work
from domain.errors import AgentError, IdReused, TooLarge, Unavailable
from domain.execution import Claim, Execution, Published, Trigger
from domain.log_context import bind
from domain.ports.pubsub import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows of an execution: who worked on it, what came of it, and when that was published."""

    claim: Claim | None
    outcome: Execution | None
    published: Published | None


class Runner:
    def __init__(self, agent: Agent, ports: Ports, timing: Timing, owner: Owner) -> None:
        self._agent = agent
        self._ports = ports
        self._timing = timing
        self._claims = Claims(ports.store, owner, timing)
        self._publication = Publication(ports.store, ports.publisher, timing.outcome_ttl)
        self.work = Work(agent, ports)
        self.dead_letters = DeadLetters(ports.store, agent, timing.retention)
        self._lifecycle = Lifecycle(
            store=ports.store,
            claims=self._claims,
            work=self.work,
            records=Records(agent, timing),
            publication=self._publication,
            dead_letters=self.dead_letters,
            telemetry=ports.telemetry,
            timing=timing,
            rollout=ports.rollout,
        )
        self._runs: dict[str, Run] = {}
        self._watches: dict[str, Watch] = {}
        self._pulse = Pulse(ports.store, owner.name, timing, self._runs.values())
        self._waiting = 0
        self._draining = False

    async def deliver(self, trigger: Trigger) -> Answer:
        """Settle one delivery. While a dependency is down the delivery is held: a RETRY would come back at once."""
        with bind(execution_id=trigger.execution_id, correlation_id=trigger.correlation_id):
            return await self._deliver(trigger)

    async def submit(self, trigger: Trigger, request: Request) -> Settled | Pending:
        """Settle one request over HTTP.

        Raises:
            IdReused: the idempotency key was used with another input.
            Unavailable: the request was not accepted; or nobody knows, and it is best sent again with the same key.

        """
        self._require_room(trigger.task)
        if request.watch is not None:
            # Before it is announced: the command may be delivered here, and run, before the request gets to it.
            self._watches[trigger.execution_id] = request.watch
        try:
            with bind(execution_id=trigger.execution_id, correlation_id=trigger.correlation_id):
                await request.announce()
                return await self._settle_announced(trigger, request)
        finally:
            if (
                self._watches.get(trigger.execution_id) is request.watch
            ):  # another stream under this key has its own
                self._watches.pop(trigger.execution_id, None)

    async def drain(self, grace: float) -> None:
        """Take nothing new, let what runs end within `grace` seconds, hand back the rest."""
        self._draining = True
        runs = list(self._runs.values())
        for run in runs:
            if run.trouble.done():
                run.stop()
        if runs:
            _, late = await asyncio.wait([run.task for run in runs], timeout=grace)
            if late:
                log.info("handing back %d executions", len(late))
                for run in runs:
                    run.stop()
                await asyncio.wait(late, timeout=self._timing.lease)
        with suppress(TimeoutError):  # without a store: whoever ends this process does not wait for ever
            await asyncio.wait_for(self._publication.flush(), self._timing.lease / 2)

    @property
    def running(self) -> int:
        """How many executions this process works on."""
        return len(self._runs)

    async def find(self, execution_id: str) -> Found | None:
        """What is known of an execution."""
        outcome = await read_execution(self._ports.store, execution_id)
        held = await self._claims.read(execution_id)
        if outcome is None and held is None:
            return None
        mark = await self._publication.mark_of(execution_id) if outcome else None
        return Found(held.claim if held else None, outcome, mark)

    def _require_room(self, task: str) -> None:
        """Requests beyond what will be worked on soon are refused; events wait with the broker."""
        if self._draining:
            raise Unavailable("this replica is shutting down", retry_after=1)
        if len(self._runs) >= self._timing.max_runs:
            raise Unavailable(f"this replica works on {len(self._runs)} executions already", retry_after=1)
        queued = sum(run.trigger.task == task for run in self._runs.values())
        if queued >= 2 * self._agent.tasks[task].concurrency:
            raise Unavailable(
                f"{queued} executions of {task} run or wait in this replica already", retry_after=1
            )

    async def _deliver(self, trigger: Trigger) -> Answer:
        failures = 0
        while not self._draining:
            try:
                settled = await self._settle(trigger, None)
            except Unavailable as error:
                log.warning("%s/%s is held: %s", trigger.agent, trigger.task, error)
                await asyncio.sleep(backoff(failures))
                failures += 1
            except IdReused as error:
                if trigger.event is None:
                    log.info("%s", error)  # a request: whoever sent it was told
                    return Answer.SUCCESS
                # The first event of this id has its execution; this one gets an identity, and a dead letter, of its own.
                trigger = changed(trigger, key=f"{trigger.key}#{trigger.digest}", refusal=failure_of(error))
            except AgentError as error:
                if isinstance(error, TooLarge) and trigger.refusal is None:
                    trigger = without_original(trigger, failure_of(error))
                    continue
                log.error("%s/%s is left to the broker: %s", trigger.agent, trigger.task, error)  # noqa: TRY400
                await asyncio.sleep(self._timing.lease)  # some brokers would deliver it again at once
                return Answer.RETRY
            else:
                return Answer.SUCCESS if isinstance(settled, Settled) else Answer.RETRY
        return Answer.RETRY

    async def _settle_announced(self, trigger: Trigger, request: Request) -> Settled | Pending:
        try:
            return await self._settle(trigger, request)
        except Unavailable as error:
            # Its command will be delivered; but dropped, if the key was used before with another input.
            if request.own_key:
                raise
            return Pending(error)

    async def _settle(self, trigger: Trigger, request: Request | None) -> Settled | Pending:
        """Claim new work and run it; `_meet` what is known."""
        if trigger.execution_id not in self._runs:
            settled = await self._run(trigger, None, request)
            if settled is not None:
                return settled
        self._count("agents.duplicates")
        if self._waiting >= self._timing.max_waiting:
            if request is not None:
                raise Unavailable("too many wait here for work of other replicas", retry_after=1)
            await asyncio.sleep(self._timing.lease / 10)  # some brokers would deliver it again at once
            return Pending()
        self._waiting += 1
        try:
            return await self._meet(trigger, request)
        finally:
            self._waiting -= 1

    async def _meet(self, trigger: Trigger, request: Request | None) -> Settled | Pending:
        """Known work: finished → make sure it is visible; lost → take over; else wait here a moment.

        Clocks of two machines are never compared: what has not moved for a lease by this clock is lost. The lease ends with
        the beginning of a look: an answer that takes long may be as old. However long looks take, a delivery waits from its
        first on and does not go before a look that could tell: nobody else might get further.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + (request.patience if request else self._timing.wait)
        seen: object = None
        still, still_since = False, now()
        while True:
            known: Execution | Held | None = None
            if run := self._runs.get(trigger.execution_id):
                settled = await self._join(run, trigger, request, until=deadline)
            else:
                looked = now()
                known = await self._known(trigger)
                sign = await self._sign(known)
                if seen is None and request is None:
                    deadline = now() + self._timing.wait
                if seen != sign:
                    seen, still_since = sign, now()
                still = looked - still_since >= self._timing.lease
                settled = await self._go_on(trigger, known, request, still=still)
            if settled is not None:
                return settled
            could_tell = not still and request is None and now() - still_since >= self._timing.lease
            if known is not None and (self._draining or (now() >= deadline and not could_tell)):
                return Pending()
            await asyncio.sleep(self._timing.lease / 10)

    async def _known(self, trigger: Trigger) -> Execution | Held | None:
        """The outcome, else the claim. Raises `IdReused` when it is another work's."""
        execution = await read_execution(self._ports.store, trigger.execution_id)
        if execution is not None:
            require_same_input(trigger, execution.digest)
            return execution
        held = await self._claims.read(trigger.execution_id)
        if held is not None:
            require_same_input(trigger, held.claim.digest)
        return held

    async def _sign(self, known: Execution | Held | None) -> tuple[object, ...]:
        """What moves while somebody is at it."""
        if isinstance(known, Held) and not known.claim.handed_back:
            return known.etag, await self._pulse.seen(known.claim)
        return (type(known),)

    async def _go_on(
        self, trigger: Trigger, known: Execution | Held | None, request: Request | None, *, still: bool
    ) -> Settled | Pending | None:
        """Do what can be done with known work by now; `still`: nothing has moved for a lease. None: wait on."""
        if isinstance(known, Execution):
            if still:  # its owner had time to publish it
                await self._lifecycle.make_visible(known, surely_new=False)
            return Settled(known, replayed=True) if await self._publication.is_out(known.id) else None
        if known is None or ((still or known.claim.handed_back) and self._may_run(known.claim)):
            return await self._run(trigger, known, request)
        return None

    async def _join(
        self, run: Run, trigger: Trigger, request: Request | None, *, until: float
    ) -> Settled | Pending | None:
        """Wait with whoever works on it here."""
        if not await claimed(run, request, until=None if request else until):
            return Pending()
        if not run.claimed.done():
            return None
        require_same_input(trigger, run.trigger.digest)
        return await outcome_of(run, request, until=until, replayed=True)

    def _may_run(self, claim: Claim) -> bool:
        """Work that lost its process again and again may be the cause: one such at a time, or all its neighbours go with it.

        One that waits for something does no harm meanwhile.
        """
        limit = self._timing.suspect_after
        suspects = (run for run in self._runs.values() if run.crashes >= limit)
        return claim.crashes_if_lost < limit or all(run.trouble.done() for run in suspects)

    async def _run(
        self, trigger: Trigger, held: Held | None, request: Request | None
    ) -> Settled | Pending | None:
        """Claim or take over, and work, in a task of its own; wait for it. None: it is another's."""
        if self._draining:
            if request is not None:
                raise Unavailable("this replica is shutting down", retry_after=1)
            return Pending()
        if trigger.execution_id in self._runs:  # another delivery was first
            return None
        if request is None and len(self._runs) >= self._timing.max_runs:
            raise Unavailable(f"this replica works on {len(self._runs)} executions already")
        self._pulse.begin()
        run = Run(self._lifecycle, trigger, held, self._watches.get(trigger.execution_id))
        self._runs[trigger.execution_id] = run
        run.task.add_done_callback(partial(self._forget, trigger.execution_id))
        return await outcome_of(run, request, until=None, replayed=False)

    def _count(self, name: str, **labels: str) -> None:
        self._ports.telemetry.count(name, attributes={"agent": self._agent.name, **labels})

    def _forget(self, execution_id: str, task: asyncio.Task[Execution | None]) -> None:
        del self._runs[execution_id]
        if not task.cancelled():
            task.exception()  # whoever waited has seen it; a request may have left before
