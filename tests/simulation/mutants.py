"""The runtime broken on purpose: a simulation that does not notice these would prove nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from unittest.mock import patch
from uuid import uuid4

from agents.runtime import records
from agents.runtime.claims import Claims
from agents.runtime.documents import claim_key, execution_key, published_key
from agents.runtime.entities import Entities
from agents.runtime.publication import Publication
from agents.runtime.pulse import Pulse
from agents.runtime.records import Records
from agents.runtime.run import Run
from agents.runtime.runner import Runner
from agents.runtime.work import Work
from domain.documents import encode
from domain.errors import Transient, Unavailable
from domain.ports.pubsub import Answer
from infrastructure.host.service import Service

Patch: TypeAlias = tuple[Any, str, Any]


@dataclass(frozen=True)
class Mutant:
    name: str
    description: str
    patches: Callable[[], list[Patch]]

    @contextmanager
    def applied(self) -> Iterator[None]:
        patches = [patch.object(*one) for one in self.patches()]
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in patches:
                one.stop()


MUTANTS: dict[str, Mutant] = {}


def _mutant(patches: Callable[[], list[Patch]]) -> None:
    """The function's name is the mutant's, its docstring what it breaks."""
    name = patches.__name__.removeprefix("_").replace("_", "-")
    MUTANTS[name] = Mutant(name, (patches.__doc__ or "").strip(), patches)


@_mutant
def _claim_always_created() -> list[Patch]:
    """The creation of a claim always succeeds."""

    async def create(self: Any, trigger: Any, nonce: str) -> Any:
        seen: list[bytes] = []
        store = self._store

        class Noting:
            async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
                seen.append(data)
                await store.create(key, data, ttl=ttl)
                return True

        self._store = Noting()
        try:
            return await original(self, trigger, nonce)
        finally:
            self._store = store

    original = Claims.create
    return [(Claims, "create", create)]


@_mutant
def _take_over_without_etag() -> list[Patch]:
    """A claim is taken over by writing over it, whatever it is by now."""

    async def take_over(self: Any, held: Any, nonce: str) -> Any:
        taken: list[Any] = []
        store = self._store

        class Catching:
            async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
                stored = await store.get(key)
                taken.append(stored)
                return bool(await store.swap(key, data, stored.etag if stored else etag, ttl=ttl))

        mine = Claims.__new__(Claims)
        mine.__dict__.update(self.__dict__)
        mine._store = Catching()  # type: ignore[assignment]  # as much of a store as it asks
        return await original(mine, held, nonce)

    original = Claims.take_over
    return [(Claims, "take_over", take_over)]


@_mutant
def _take_over_without_lease() -> list[Patch]:
    """A claim is taken over without waiting for its lease to end."""
    return _runner_with(lambda runner: setattr(runner, "_timing", replace(runner._timing, lease=0.1)))


@_mutant
def _outcome_overwritten() -> list[Patch]:
    """The outcome is put, not created once."""

    async def complete(self: Any, record: Any) -> Any:
        key, ttl = execution_key(record.execution.id), self._all.timing.outcome_ttl
        await self._all.store.put([(key, record.data)], ttl=ttl)
        return record.execution, True

    return [(Run, "_complete", complete)]


@_mutant
def _loser_publishes() -> list[Patch]:
    """An attempt whose completion was refused goes on with its own outcome."""

    async def complete(self: Any, record: Any) -> Any:
        _, mine = await original(self, record)
        return record.execution, mine

    original = Run._complete
    return [(Run, "_complete", complete)]


@_mutant
def _success_before_recording() -> list[Patch]:
    """A message is answered SUCCESS once its work has begun."""

    async def deliver(self: Any, trigger: Any) -> Answer:
        work = asyncio.create_task(original(self, trigger))
        await asyncio.wait({work}, timeout=0.2)
        return Answer.SUCCESS

    original = Runner.deliver
    return [(Runner, "deliver", deliver)]


@_mutant
def _success_for_known_work() -> list[Patch]:
    """A message whose work another replica holds is answered SUCCESS, finished or not."""

    async def deliver(self: Any, trigger: Any) -> Answer:
        answer = await original(self, trigger)
        return answer if self._draining else Answer.SUCCESS

    original = Runner.deliver
    return [(Runner, "deliver", deliver)]


@_mutant
def _found_outcome_not_published() -> list[Patch]:
    """An outcome that is found is taken for published, marked or not."""

    async def is_out(self: Any, execution_id: str) -> bool:
        return True

    return [(Publication, "is_out", is_out)]


@_mutant
def _marked_before_published() -> list[Patch]:
    """The mark is written first, the events are published after it."""

    async def publish(self: Any, execution: Any, unapplied: Any = ()) -> None:
        await self._store.put([(published_key(execution.id), b'{"v":1}')], ttl=self._ttl)
        await original(self, execution, unapplied)

    original = Publication.publish
    return [(Publication, "publish", publish)]


@_mutant
def _random_event_ids() -> list[Patch]:
    """Outgoing events have random ids, so that another run's would be others."""
    return [(records, "uuid5", lambda *_: uuid4())]


@_mutant
def _changes_not_remembered() -> list[Patch]:
    """An entity does not remember which executions have changed it."""

    async def apply(self: Any, execution: Any) -> Any:
        again = execution.model_copy(update={"id": f"{execution.id}:{uuid4().hex}"})
        return await original(self, again)

    original = Entities.apply
    return [(Entities, "apply", apply)]


@_mutant
def _zombies_have_effects() -> list[Patch]:
    """Whether the claim is still one's own is not asked before an effect."""

    async def require_claim(self: Any) -> None: ...

    return [(Run, "_require_claim", require_claim)]


@_mutant
def _never_handed_back() -> list[Patch]:
    """A process that shuts down leaves its claims as they are."""

    async def hand_back(self: Any, *_: Any, **__: Any) -> None: ...

    return [(Run, "_hand_back", hand_back)]


@_mutant
def _accepted_before_the_command() -> list[Patch]:
    """A request is answered 202 before the broker has its command."""

    async def announce(self: Any, trigger: Any) -> None:
        async def soon() -> None:
            await asyncio.sleep(0.5)
            await original(self, trigger)

        self.soon = asyncio.create_task(soon())

    original = Service._announce
    return [(Service, "_announce", announce)]


@_mutant
def _attempts_not_counted() -> list[Patch]:
    """A handler that always fails is tried for ever."""
    return _lifecycle_with(max_attempts=10**6)


@_mutant
def _crashes_not_counted() -> list[Patch]:
    """Work that kills its process each time is tried for ever."""
    return _lifecycle_with(max_crashes=10**6)


@_mutant
def _no_pulse() -> list[Patch]:
    """A process does not show that it lives."""

    async def show(self: Any) -> None: ...

    return [(Pulse, "_show", show)]


@_mutant
def _pulse_not_looked_at() -> list[Patch]:
    """Whoever meets a claim looks at the claim alone."""

    async def seen(self: Any, claim: Any) -> None: ...

    return [(Pulse, "seen", seen)]


@_mutant
def _zombies_not_looked_for() -> list[Patch]:
    """A process whose pulse has stopped for a lease goes on as if nothing had been taken from it."""

    async def renew(self: Any) -> None: ...

    return [(Run, "renew", renew)]


@_mutant
def _unavailable_counts() -> list[Patch]:
    """A dependency that is down uses attempts up."""

    async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await original(self, *args, **kwargs)
        except Unavailable as error:
            raise Transient(error.message) from None

    original = Work.run
    return [(Work, "run", run)]


@_mutant
def _no_dead_letter() -> list[Patch]:
    """A failure is recorded, and nobody is told."""

    def failed(self: Any, *args: Any, **kwargs: Any) -> Any:
        execution = original(self, *args, **kwargs).execution.model_copy(update={"events": ()})
        return records.Recorded(execution, encode(execution))

    original = Records.failed
    return [(Records, "failed", failed)]


@_mutant
def _published_before_recorded() -> list[Patch]:
    """The events go out first, the outcome is recorded after them."""

    async def complete(self: Any, record: Any) -> Any:
        await self._all.publication.publish(record.execution)
        return await original(self, record)

    original = Run._complete
    return [(Run, "_complete", complete)]


@_mutant
def _claim_dropped_when_lost() -> list[Patch]:
    """A zombie hands back a claim that is another's by now."""

    async def end_attempt(self: Any, claim: Any, *args: Any, **kwargs: Any) -> Any:
        held = await self.read(claim.id)
        return await original(self, held.claim if held else claim, *args, **kwargs)

    original = Claims.end_attempt
    return [(Claims, "end_attempt", end_attempt)]


@_mutant
def _claims_outlive_outcomes() -> list[Patch]:
    """A claim is kept longer than its outcome, so that finished work looks lost."""

    async def create(self: Any, trigger: Any, nonce: str) -> Any:
        claim = await original(self, trigger, nonce)
        if claim is not None:
            held = await self.read(claim.id)
            if held is not None and held.claim.nonce == nonce:
                ttl = 3 * self._timing.retention
                await self._store.swap(claim_key(claim.id), encode(held.claim), held.etag, ttl=ttl)
        return claim

    original = Claims.create
    return [(Claims, "create", create)]


def _runner_with(change: Callable[[Any], None]) -> list[Patch]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        change(self)

    original = Runner.__init__
    return [(Runner, "__init__", init)]


def _lifecycle_with(**limits: int) -> list[Patch]:
    def change(runner: Any) -> None:
        timing = replace(runner._lifecycle.timing, **limits)
        runner._lifecycle = replace(runner._lifecycle, timing=timing)

    return _runner_with(change)
