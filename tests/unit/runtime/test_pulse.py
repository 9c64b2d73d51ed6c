"""One pulse for all runs of a process: what it costs, who is taken for lost by it, and how a zombie learns that it is one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from agents.runtime import Agent, Context, Outcome
from agents.runtime.agent import DeclaredPrompt
from agents.runtime.claims import Claims, Owner
from agents.runtime.documents import claim_key, pulse_key
from agents.runtime.timing import Timing
from domain.documents import encode
from domain.errors import ModelUnavailable, Rejected
from domain.execution import Beat, Claim, execution_id
from domain.ports.state import Stored
from domain.prompt import Prompt
from infrastructure.host.service import Service
from infrastructure.memory.state import MemoryStateStore
from infrastructure.testing.platform import MemoryPlatform
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.runtime.sample import Sample, Word, said

MODEL = 5.0
"""Seconds that a model takes."""
ID = execution_id("sample", "shout", "/tests", "1")
TIMING = Timing()
THIEF = Owner("thief")


class Noting(MemoryStateStore):
    """Counts its calls by operation and kind of document."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: Counter[str] = Counter()

    async def get(self, key: str) -> Stored | None:
        self.noted[f"get {kind(key)}"] += 1
        return await super().get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        self.noted[f"create {kind(key)}"] += 1
        return await super().create(key, data, ttl=ttl)

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        self.noted[f"swap {kind(key)}"] += 1
        return await super().swap(key, data, etag, ttl=ttl)

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        self.noted[f"put {kind(items[0][0])}"] += 1
        await super().put(items, ttl=ttl)


class Line(MemoryStateStore):
    """One process's way to the store. Cut, everything waits: to all others the process is as one that is frozen."""

    def __init__(self, store: MemoryStateStore) -> None:
        super().__init__()
        self.up = asyncio.Event()
        self.up.set()
        self._store = store

    async def get(self, key: str) -> Stored | None:
        await self.up.wait()
        return await self._store.get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        await self.up.wait()
        return await self._store.create(key, data, ttl=ttl)

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        await self.up.wait()
        return await self._store.swap(key, data, etag, ttl=ttl)

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        await self.up.wait()
        await self._store.put(items, ttl=ttl)


def kind(key: str) -> str:
    return key.partition(":")[0]


class Platform(MemoryPlatform):
    """Each replica has a line to the store of its own."""

    def __init__(self) -> None:
        self.sample = Sample(changes=False)
        self.store = Noting()
        self.lines: list[Line] = []
        super().__init__([self.sample.agent], timing=TIMING)

    def service(self, agent: Agent) -> Service:
        self.lines.append(Line(self.store))
        self.stores[agent.name] = self.lines[-1]
        return super().service(agent)

    @property
    def replica(self) -> Service:
        return self.services["sample"]

    @property
    def shouted(self) -> list[str]:
        return [event.data["word"] for event in self.events if event.type.endswith("shouted")]

    @asynccontextmanager
    async def replicated(self) -> AsyncIterator[Service]:
        """With a second replica, which gets every message that is sent from now on, as the first one does."""
        other = self.service(self.sample.agent)
        other.subscribe(self.broker.subscription())
        await asyncio.sleep(0)
        yield other
        await other.stop(grace=1)

    async def claim(self) -> Claim:
        stored = await self.store.get(claim_key(ID))
        assert stored is not None
        return Claim.model_validate_json(stored.data)

    async def rob(self) -> None:
        """Take the claim over, as another replica does."""
        thief = Claims(self.store, THIEF, TIMING)
        held = await thief.read(ID)
        assert held is not None
        assert await thief.take_over(held, "thief") is not None

    async def leave_claimed(self, owner: Owner) -> None:
        """A claim without a run, under the nonce "left"."""
        event = said("hello")
        trigger = self.replica.intake._triggers(event.type, event)[0]
        assert await Claims(self.store, owner, TIMING).create(trigger, "left") is not None


@in_virtual_time
async def test_an_event_whose_model_takes_long_costs_three_writes_no_read_and_its_share_of_the_pulse() -> (
    None
):
    async with Platform() as platform:
        platform.publish(said("hello", slow=MODEL))
        await platform.quiet(1.0)
        noted = platform.store.noted
        assert noted == {"create claim": 1, "create execution": 1, "put published": 1, "put pulse": 7}
        for number in range(64):
            platform.publish(said("hello", event_id=f"of many {number}", slow=MODEL))
        await platform.quiet(1.0)
        assert noted == {"create claim": 65, "create execution": 65, "put published": 2, "put pulse": 14}


@in_virtual_time
async def test_where_work_ends_before_a_beat_is_due_there_is_no_pulse() -> None:
    async with Platform() as platform:
        for number in range(10):
            platform.publish(said("hello", event_id=f"{number}", slow=0.1))
            await asyncio.sleep(1)
        assert platform.store.noted["put pulse"] == 0


@in_virtual_time
async def test_nobody_takes_over_from_a_process_with_a_pulse() -> None:
    async with Platform() as platform, platform.replicated():
        platform.publish(said("hello", slow=20.0))
        await platform.quiet(1.0)
        assert platform.store.noted["get pulse"] > 50
        assert len(platform.sample.runs) == 1


@in_virtual_time
async def test_a_process_without_a_pulse_loses_its_work_and_ends_as_a_zombie_when_it_is_back() -> None:
    async with Platform() as platform:
        platform.publish(said("hello", slow=20.0))
        await asyncio.sleep(1)
        platform.lines[0].up.clear()
        async with platform.replicated() as other:
            platform.publish(said("hello", slow=20.0))
            await asyncio.sleep(TIMING.lease + 1)
            assert (await platform.claim()).crashes == 1
            assert (platform.replica.runner.running, other.runner.running) == (1, 1)
            platform.lines[0].up.set()
            await asyncio.sleep(0.1)
            assert (platform.replica.runner.running, other.runner.running) == (0, 1)
            await asyncio.sleep(25)
            assert platform.shouted == ["HELLO"]


@in_virtual_time
async def test_after_a_gap_a_claim_is_moved_so_that_a_takeover_that_was_on_its_way_comes_too_late() -> None:
    async with Platform() as platform:
        platform.publish(said("hello", slow=20.0))
        await asyncio.sleep(1)
        thief = Claims(platform.store, THIEF, TIMING)
        held = await thief.read(ID)
        assert held is not None
        platform.lines[0].up.clear()
        await asyncio.sleep(TIMING.lease)
        platform.lines[0].up.set()
        await asyncio.sleep(0.1)
        assert await thief.take_over(held, "thief") is None
        await platform.quiet(1.0)
        assert len(platform.sample.runs) == 1


@in_virtual_time
async def test_a_gap_is_counted_from_the_beginning_of_one_beat_to_the_answer_to_the_next() -> None:
    """The first lands at 0.67 s and is answered at 1.57 s; the next three land at 2.75 s: one saw nothing for a lease."""
    async with Platform() as platform:
        put, times = platform.store.put, iter([(0.0, 0.9), (1.42, 0.0), (0.75, 0.0), (0.08, 0.0)])

        async def slow(items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
            before, after = next(times, (0.0, 0.0))
            await asyncio.sleep(before)
            await put(items, ttl=ttl)
            await asyncio.sleep(after)

        platform.store.put = slow  # type: ignore[method-assign]
        platform.publish(said("hello", slow=4.0))
        await asyncio.sleep(2.7)
        assert platform.store.noted["swap claim"] == 0
        await asyncio.sleep(0.2)
        assert platform.store.noted["swap claim"] == 1


@in_virtual_time
async def test_a_claim_whose_answer_comes_only_after_a_gap_is_looked_at_too() -> None:
    async with Platform() as platform:
        create, answered = platform.store.create, asyncio.Event()

        async def late(key: str, data: bytes, *, ttl: int | None) -> bool:
            created = await create(key, data, ttl=ttl)
            await answered.wait()
            return created

        platform.store.create = late  # type: ignore[method-assign]
        platform.publish(said("hello", slow=20.0))
        await asyncio.sleep(0.1)
        platform.lines[0].up.clear()
        await asyncio.sleep(TIMING.lease)
        await platform.rob()
        platform.lines[0].up.set()
        await asyncio.sleep(1)
        answered.set()
        await asyncio.sleep(TIMING.beat)
        assert platform.replica.runner.running == 0
        assert (await platform.claim()).nonce == "thief"


@in_virtual_time
async def test_who_was_frozen_before_it_asked_its_model_looks_at_its_claim_first() -> None:
    """No beat can come before: the process thaws, and goes on where it was."""
    async with Platform() as platform:
        asked: list[str] = []
        create, thawed = platform.store.create, asyncio.Event()

        async def frozen(key: str, data: bytes, *, ttl: int | None) -> bool:
            created = await create(key, data, ttl=ttl)
            await thawed.wait()
            return created

        def get(name: str) -> Prompt:
            asked.append(name)
            raise Rejected("not in this test")

        async def work(word: Word, ctx: Context) -> Outcome:
            await ctx.ask(DeclaredPrompt("shout", Word, Word), Word(word="x"))
            raise AssertionError

        platform.replica.runner._ports.prompts.get = get  # type: ignore[method-assign]
        platform.sample.agent.tasks["shout"].handler = work
        platform.store.create = frozen  # type: ignore[method-assign]
        platform.publish(said("hello"))
        await asyncio.sleep(0.1)
        platform.lines[0].up.clear()
        await asyncio.sleep(TIMING.lease + 1)
        await platform.rob()
        thawed.set()
        await asyncio.sleep(0.1)
        platform.lines[0].up.set()
        await asyncio.sleep(0.1)
        assert (asked, platform.replica.runner.running) == ([], 0)


@in_virtual_time
async def test_a_claim_stays_in_doubt_while_looking_at_it_fails_in_whatever_way() -> None:
    async with Platform() as platform:
        platform.publish(said("hello", slow=60.0))
        await asyncio.sleep(1)
        platform.lines[0].up.clear()
        await asyncio.sleep(TIMING.lease)
        await platform.rob()
        get, errors = platform.store.get, [RuntimeError("a bug"), ModelUnavailable("as told")]

        async def failing(key: str) -> Stored | None:
            if kind(key) == "claim" and errors:
                raise errors.pop()
            return await get(key)

        platform.store.get = failing  # type: ignore[method-assign]
        platform.lines[0].up.set()
        await asyncio.sleep(3 * TIMING.beat)
        assert errors == []
        assert platform.replica.runner.running == 0


@in_virtual_time
async def test_a_pulse_of_a_newer_version_counts_by_whether_it_moves() -> None:
    async with Platform() as platform:
        await platform.leave_claimed(Owner("newer"))
        platform.publish(said("hello"))
        for number in range(30):
            await platform.store.put([(pulse_key("newer"), b'{"v":2,"n":%d}' % number)], ttl=60)
            await asyncio.sleep(TIMING.beat)
        assert platform.sample.runs == []
        await asyncio.sleep(2 * TIMING.redelivery_after)
        assert platform.sample.runs == [ID]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2, 0.5, 1.0])
def test_lost_work_is_taken_over_however_long_reads_take(seconds: float) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with Platform() as platform:
            await platform.leave_claimed(Owner("lost"))
            get = platform.store.get

            async def slow(key: str) -> Stored | None:
                await asyncio.sleep(seconds / 2)
                found = await get(key)
                await asyncio.sleep(seconds / 2)
                return found

            platform.store.get = slow  # type: ignore[method-assign]
            platform.publish(said("hello"))
            await asyncio.sleep(2 * TIMING.lease + 12 * seconds)
            assert platform.sample.runs == [ID]

    scenario()


@in_virtual_time
async def test_a_claim_that_no_run_holds_is_lost_though_its_process_lives() -> None:
    """Its handing back failed, or it came only after that."""
    async with Platform() as platform:
        platform.publish(said("other work", event_id="other", slow=20.0))
        await platform.leave_claimed(platform.replica.owner)
        platform.publish(said("hello"))
        await asyncio.sleep(TIMING.lease + 2)
        assert platform.shouted == ["HELLO"]
        assert platform.replica.runner.running == 1


@in_virtual_time
async def test_a_claim_without_a_pulse_has_a_lease_from_when_it_was_first_seen() -> None:
    async with Platform() as platform:
        await platform.leave_claimed(Owner("young"))
        platform.publish(said("hello"))
        await asyncio.sleep(TIMING.lease * 0.9)
        await platform.store.put([(pulse_key("young"), encode(Beat(nonces=("left",))))], ttl=60)
        await asyncio.sleep(TIMING.lease * 0.9)
        assert platform.sample.runs == []
        await asyncio.sleep(2 * TIMING.lease)
        assert platform.sample.runs == [ID]


@in_virtual_time
async def test_an_answer_that_takes_long_says_nothing_of_the_time_it_took() -> None:
    """What was read may be as old as the question: the owner has shown itself since."""
    async with Platform() as platform, platform.replicated():
        get, seconds = platform.store.get, cycle((0.0, 2 * TIMING.lease))

        async def slow(key: str) -> Stored | None:
            found = await get(key)
            await asyncio.sleep(next(seconds) if kind(key) == "pulse" else 0)
            return found

        platform.store.get = slow  # type: ignore[method-assign]
        platform.publish(said("hello", slow=20.0))
        await platform.quiet(5.0)
        assert len(platform.sample.runs) == 1


@in_virtual_time
async def test_beats_go_on_when_the_answer_to_one_is_late() -> None:
    async with Platform() as platform, platform.replicated():
        put, late = platform.store.put, [60.0]

        async def slow(items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
            await put(items, ttl=ttl)
            if kind(items[0][0]) == "pulse" and late:
                await asyncio.sleep(late.pop())

        platform.store.put = slow  # type: ignore[method-assign]
        platform.publish(said("hello", slow=20.0))
        await platform.quiet(1.0)
        assert len(platform.sample.runs) == 1
        assert platform.store.noted["swap claim"] == 0, "and no claim was ever in doubt"


@in_virtual_time
async def test_what_work_waits_for_is_written_when_it_changes_and_by_no_other_beat() -> None:
    async with Platform() as platform:
        tries = 0

        async def work(said: object, ctx: object) -> Outcome:
            nonlocal tries
            tries += 1
            if tries <= 6:
                raise ModelUnavailable("as told")
            await asyncio.sleep(MODEL)
            return Outcome(output=Word(word="at last"))

        platform.sample.agent.tasks["shout"].handler = work
        platform.publish(said("hello"))
        await asyncio.sleep(5.1)
        assert (await platform.claim()).waits_for == "model_unavailable: as told"
        assert platform.store.noted["put pulse"] == 7
        assert platform.store.noted["swap claim"] == 1
        await asyncio.sleep(12)  # six pauses are 12.75 s, up to 15.3 s by chance
        assert tries == 7
        assert (await platform.claim()).waits_for is None
        assert platform.store.noted["swap claim"] == 2
