"""What crashes, freezes and overload do to those beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from agents.runtime import Agent, Context, Outcome
from agents.runtime.documents import claim_key, execution_key, published_key
from agents.runtime.waiting import Pending
from domain.errors import SidecarUnavailable, TooLarge, Unavailable
from domain.event import Event
from domain.execution import Attempt, Claim, Trigger, execution_id
from infrastructure.host.service import Service
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.runtime.sample import Sample, Word, said

ID = execution_id("sample", "shout", "/tests", "1")


@pytest.fixture
async def platform() -> AsyncIterator[MemoryPlatform]:
    async with MemoryPlatform([Sample().agent]) as running:
        yield running


async def crashed(platform: MemoryPlatform, event: Event, times: int) -> str:
    """Leave the claim as so many processes leave it that were killed at it."""
    trigger = Trigger(agent="sample", task="shout", source=event.source, key=event.id, event=event)
    attempts = (*(Attempt(owner=f"dead-{n}", ended="lost") for n in range(times - 1)), Attempt(owner="dead"))
    claim = Claim(
        id=trigger.execution_id, nonce="dead", digest=trigger.digest, trigger=trigger, attempts=attempts
    )
    await platform.stores["sample"].create(claim_key(claim.id), claim.model_dump_json().encode(), ttl=60)
    return claim.id


async def test_of_work_that_lost_its_process_twice_one_runs_at_a_time(platform: MemoryPlatform) -> None:
    suspects = [said("x", event_id=f"s{n}", slow=0.3) for n in range(3)]
    for event in suspects:
        await crashed(platform, event, 2)
    fresh = said("y", event_id="fresh", slow=0.3)
    for event in [*suspects, fresh]:
        platform.publish(event)
    most = 0
    service = platform.services["sample"]
    for _ in range(60):
        await asyncio.sleep(0.02)
        most = max(most, sum(run.crashes >= 2 for run in service.runner._runs.values()))
    await platform.quiet(0.8)
    assert most == 1
    assert [e.data["word"] for e in platform.events if e.type.endswith("shouted")].count("X") == 3


async def test_work_that_waits_for_its_turn_counts_no_crash(platform: MemoryPlatform) -> None:
    suspects = [said("x", event_id=f"s{n}", slow=0.6) for n in range(2)]
    identities = [await crashed(platform, event, 2) for event in suspects]
    for event in suspects:
        platform.publish(event)
    await platform.quiet(1.0)
    for identity in identities:
        found = await platform.services["sample"].runner.find(identity)
        assert found is not None
        assert found.claim is not None
        assert found.claim.crashes == 2
        assert found.outcome is not None


async def test_no_more_than_a_tasks_concurrency_run_and_its_queue_is_bounded() -> None:
    agent = Agent("sample", description="Works.")
    running = most = 0

    @agent.task(concurrency=2)
    async def work(word: Word, ctx: Context) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        return Outcome(output=word)

    async with MemoryPlatform([agent]) as platform:
        service = platform.services["sample"]
        for key in "abcd":
            _, settled = await service.submit(
                agent.tasks["work"], {"word": key}, key=key, correlation_id=None, patience=0
            )
            assert settled == Pending()
        with pytest.raises(Unavailable, match="4 executions of work run or wait") as caught:
            await service.submit(agent.tasks["work"], {"word": "e"}, key="e", correlation_id=None, patience=0)
        assert caught.value.retry_after == 1
        await platform.quiet()
    assert most == 2


async def test_two_deliveries_that_find_an_unpublished_outcome_publish_it_once(
    platform: MemoryPlatform,
) -> None:
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    store = platform.stores["sample"]
    del store._documents[published_key(ID)]
    first = [e for e in platform.events if e.type.endswith("shouted")]
    fresh = platform.service(platform.services["sample"].agent)
    event = said("hello")
    await asyncio.gather(*(fresh.intake.deliver(event.type, event.to_json()) for _ in range(5)))
    again = [e for e in platform.events if e.type.endswith("shouted")]
    assert [e.id for e in again] == [first[0].id] * 2


async def test_whoever_froze_between_recording_and_publishing_looks_before_it_publishes(
    platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen process's clock goes on: after a lease somebody else may have published its outcome."""
    store = platform.stores["sample"]
    create = store.create

    async def frozen_after(key: str, data: bytes, *, ttl: int | None) -> bool:
        created = await create(key, data, ttl=ttl)
        if key == execution_key(ID):
            await store.put([(published_key(ID), b"{}")], ttl=60)  # by another, meanwhile
            await asyncio.sleep(0.25)
        return created

    monkeypatch.setattr(store, "create", frozen_after)
    platform.publish(said("hello"))
    await platform.quiet(0.4)
    assert [e for e in platform.events if e.type.endswith("shouted")] == []


async def test_an_event_that_no_broker_takes_is_shown_as_undeliverable(platform: MemoryPlatform) -> None:
    publish = platform.broker.publish

    async def refusing(topic: str, event: Event) -> None:
        if topic.endswith("shouted"):
            raise TooLarge("the broker takes 256 KiB")
        await publish(topic, event)

    platform.services["sample"].runner._publication._publisher = type(
        "P", (), {"publish": staticmethod(refusing)}
    )()
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    found = await platform.services["sample"].runner.find(ID)
    assert found is not None
    assert found.outcome is not None
    assert found.published is not None
    assert found.published.undeliverable == (found.outcome.events[0].id,)


async def test_a_waiting_execution_says_what_it_waits_for(platform: MemoryPlatform) -> None:
    platform.publish(said("hello", fail="ModelUnavailable", times=1))
    await asyncio.sleep(0.15)
    found = await platform.services["sample"].runner.find(ID)
    assert found is not None
    assert found.claim is not None
    assert found.claim.waits_for == "model_unavailable: as told"
    await platform.quiet(0.5)
    found = await platform.services["sample"].runner.find(ID)
    assert found is not None
    assert found.outcome is not None


async def test_an_unknown_answer_to_the_end_of_an_attempt_counts_it_once(platform: MemoryPlatform) -> None:
    """The write took effect, its answer was lost: written again, it would use up another attempt."""
    store = platform.stores["sample"]
    swap = store.swap
    failed: list[str] = []

    async def lost_answer(key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        swapped = await swap(key, data, etag, ttl=ttl)
        if key == claim_key(ID) and b'"transient"' in data and not failed:
            failed.append(key)
            raise SidecarUnavailable("down, but written")
        return swapped

    store.swap = lost_answer  # type: ignore[method-assign]
    platform.publish(said("hello", fail="Transient", times=1))
    await platform.quiet(1.0)
    found = await platform.services["sample"].runner.find(ID)
    assert failed
    assert found is not None
    assert found.outcome is not None
    assert found.outcome.attempts == 2
    assert found.claim is not None
    assert [attempt.ended for attempt in found.claim.attempts] == ["transient", None]


async def test_what_the_version_before_wrote_is_read(platform: MemoryPlatform) -> None:
    """A mark was the digit 1, a claim knew neither versions nor what it waits for."""
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    store = platform.stores["sample"]
    await store.put([(published_key(ID), b"1")], ttl=60)
    fresh: Service = platform.service(platform.services["sample"].agent)
    event = said("hello")
    await fresh.intake.deliver(event.type, event.to_json())
    found = await fresh.runner.find(ID)
    assert found is not None
    assert found.published is not None
    assert found.published.at is None
    assert len([e for e in platform.events if e.type.endswith("shouted")]) == 1


async def test_a_message_that_is_far_too_large_is_not_even_parsed(platform: MemoryPlatform) -> None:
    event = said("x" * 50_000_000)
    begin = time.process_time()
    platform.broker.send(event.type, event.to_json())
    await platform.quiet(0.3)
    assert time.process_time() - begin < 1
    (letter,) = (await platform.services["sample"].runner.dead_letters.page(None, 5, lambda _: True)).letters
    assert (letter.cause, letter.event_type) == ("too_large", None)
    assert letter.message == f"the message has {len(event.to_json())} bytes, the limit is 4194304"
    assert (letter.size, letter.replayable) == (len(event.to_json()), False)
