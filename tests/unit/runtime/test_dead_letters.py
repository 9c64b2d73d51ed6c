"""Work that failed for good: listed, looked at, done again, dropped; and what the index costs."""

from __future__ import annotations

import asyncio

import pytest

from agents.runtime import dead_letters
from agents.runtime.dead_letters import DeadLetters, Listing
from domain.errors import DeadLetterSettled, UnknownDeadLetter
from domain.event import Event
from domain.execution import DeadLetter, execution_id
from domain.ports.pubsub import Answer
from infrastructure.memory.state import MemoryStateStore
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.runtime.sample import Sample, said

ID = execution_id("sample", "shout", "/tests", "1")


def letter(number: int, **fields: object) -> DeadLetter:
    values = {
        "id": f"letter-{number}",
        "agent": "sample",
        "task": "shout",
        "cause": "internal",
        "message": "a bug",
        "event_id": str(number),
        "source": "/tests",
        "size": 10,
        "attempts": 3,
        "first_seen": "2026-11-01T10:00:00+00:00",
        "last_seen": "2026-11-01T10:00:00+00:00",
    }
    return DeadLetter.model_validate(values | fields)


def index(store: MemoryStateStore | None = None) -> DeadLetters:
    return DeadLetters(store or MemoryStateStore(), Sample().agent, 1000)


async def everything(letters: DeadLetters, limit: int = 500) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        listing = await letters.page(cursor, limit, lambda _: True)
        found += [one.id for one in listing.letters]
        if listing.next is None:
            return found
        cursor = listing.next


async def test_letters_are_listed_newest_first_page_by_page() -> None:
    letters = index()
    for number in range(250):
        await letters.add(letter(number))
    assert await everything(letters, limit=7) == [f"letter-{n}" for n in reversed(range(250))]
    assert await everything(letters) == [f"letter-{n}" for n in reversed(range(250))]


async def test_adding_a_letter_again_after_any_crash_lists_it_once() -> None:
    store = MemoryStateStore()
    for _ in range(3):  # another process each time
        await index(store).add(letter(1))
    for number in range(2, 150):
        await index(store).add(letter(number))
    await index(store).add(letter(1))
    listed = await everything(index(store))
    assert sorted(listed) == sorted({f"letter-{n}" for n in range(1, 150)})


async def test_three_replicas_that_add_at_the_same_time_lose_none_and_double_none() -> None:
    store = MemoryStateStore()
    replicas = [index(store) for _ in range(3)]
    await asyncio.gather(*(replicas[n % 3].add(letter(n)) for n in range(300)))
    listed = await everything(index(store))
    assert sorted(listed) == sorted(f"letter-{n}" for n in range(300))


async def test_a_letter_is_added_while_others_come_in() -> None:
    store = MemoryStateStore()
    letters = index(store)
    await letters.add(letter(1))
    listing = await letters.page(None, 1, lambda _: True)
    await letters.add(letter(2))
    assert [one.id for one in listing.letters] == ["letter-1"]
    assert await letters.page(listing.next, 5, lambda _: True) == Listing([], None)


async def test_ten_thousand_letters_cost_a_listing_no_more_than_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStateStore()
    letters = index(store)
    monkeypatch.setattr(dead_letters, "PAGE", 500)  # filled quickly: 20 pages, five times the usual size
    for begin in range(0, 10_000, 500):
        await asyncio.gather(*(letters.add(letter(n)) for n in range(begin, begin + 500)))
    store.calls.update(dict.fromkeys(store.calls, 0))
    listing = await letters.page(None, 50, lambda _: True)
    assert [one.id for one in listing.letters] == [f"letter-{n}" for n in range(9_999, 9_949, -1)]
    assert store.calls["get"] <= 3
    store.calls.update(dict.fromkeys(store.calls, 0))
    assert (await letters.get("letter-7")).event_id == "7"
    assert store.calls["get"] == 2


async def test_a_filter_for_something_rare_looks_at_a_bounded_number_of_pages() -> None:
    store = MemoryStateStore()
    letters = index(store)
    for number in range(2_500):
        await letters.add(letter(number, cause="rare" if number == 3 else "internal"))
    store.calls.update(dict.fromkeys(store.calls, 0))
    listing = await letters.page(None, 50, lambda one: one.cause == "rare")
    assert listing.letters == []
    assert listing.next is not None
    assert store.calls["get"] <= 22
    listing = await letters.page(listing.next, 50, lambda one: one.cause == "rare")
    assert [one.id for one in listing.letters] == ["letter-3"]


@pytest.mark.parametrize("cursor", ["", "7", "7.", "x.1", "-1.5", "1.5.5", "9" * 40 + ".1"])
async def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    letters = index()
    await letters.add(letter(1))
    if cursor == "":
        assert (await letters.page(cursor, 5, lambda _: True)).letters
    else:
        with pytest.raises(ValueError, match="no cursor"):
            await letters.page(cursor, 5, lambda _: True)


async def test_a_settled_letter_stays_settled() -> None:
    letters = index()
    await letters.add(letter(1))
    dropped = await letters.settle("letter-1", state="dropped", dropped_because="a test")
    assert (dropped.state, dropped.dropped_because) == ("dropped", "a test")
    await letters.add(letter(1))  # its execution is made visible once more
    assert (await letters.get("letter-1")).state == "dropped"
    with pytest.raises(DeadLetterSettled, match="was dropped already"):
        await letters.settle("letter-1", state="replayed", replayed_as="x")
    with pytest.raises(UnknownDeadLetter):
        await letters.settle("letter-2", state="dropped", dropped_because="a test")


async def test_a_replay_does_the_failed_work_again_and_is_linked_both_ways() -> None:
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        service = platform.services["sample"]
        platform.publish(said("hello", fail="Rejected", times=1))
        await platform.quiet()
        trigger = await service.replay(ID)
        again = await service.replay(ID)
        assert again.execution_id == trigger.execution_id
        await platform.quiet()
        found = await service.runner.find(trigger.execution_id)
        assert found is not None
        assert found.outcome is not None
        assert found.outcome.status == "completed"
        assert found.outcome.replay_of == ID
        assert found.outcome.correlation_id == ID
        old = await service.runner.dead_letters.get(ID)
        assert (old.state, old.replayed_as) == ("replayed", trigger.execution_id)
        assert [e.type for e in platform.events if not e.type.endswith("said")] == [
            "agents.sample.dead-letter",
            "agents.sample.word.shouted",
        ]
        assert platform.telemetry.counted("agents.replays") == 1


async def test_a_replay_that_fails_is_a_dead_letter_of_its_own() -> None:
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        service = platform.services["sample"]
        platform.publish(said("hello", fail="Rejected", times=2))
        await platform.quiet()
        trigger = await service.replay(ID)
        await platform.quiet()
        assert (await service.runner.dead_letters.get(trigger.execution_id)).state == "open"
        following = await service.replay(trigger.execution_id)
        await platform.quiet()
        found = await service.runner.find(following.execution_id)
        assert found is not None
        assert found.outcome is not None
        assert (found.outcome.status, found.outcome.replay_of) == ("completed", trigger.execution_id)


async def test_an_identity_that_was_used_twice_can_be_replayed_under_its_own() -> None:
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        service = platform.services["sample"]
        platform.publish(said("first"))
        platform.publish(said("second"))
        await platform.quiet()
        (listed,) = (await service.runner.dead_letters.page(None, 5, lambda _: True)).letters
        assert listed.cause == "id_reused"
        await service.replay(listed.id)
        await platform.quiet()
        assert sorted(e.data["word"] for e in platform.events if e.type.endswith("shouted")) == [
            "FIRST",
            "SECOND",
        ]


async def test_what_was_no_event_is_kept_whole_and_cannot_be_replayed() -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        service = platform.services["sample"]
        platform.broker.send("agents.sample.word.said", b"not JSON at all")
        await platform.quiet()
        (listed,) = (await service.runner.dead_letters.page(None, 5, lambda _: True)).letters
        found = await service.runner.find(listed.id)
        assert found is not None
        assert found.claim is not None
        assert found.claim.trigger.input == {"size": 15, "message": "not JSON at all"}
        with pytest.raises(DeadLetterSettled, match="not whole"):
            await service.replay(listed.id)


async def test_a_letter_about_a_dead_letter_is_listed_and_not_told() -> None:
    sample = Sample()
    dead = type("Dead", (sample.agent.tasks["shout"].input,), {}, type="agents.other.dead-letter")
    sample.agent.on(dead, lambda payload: payload)(sample.agent.tasks["shout"].handler)
    async with MemoryPlatform([sample.agent]) as platform:
        platform.publish(Event(id="1", source="/x", type="agents.other.dead-letter", data={"word": 5}))
        await platform.quiet()
        listed = (await platform.services["sample"].runner.dead_letters.page(None, 5, lambda _: True)).letters
        assert [one.event_type for one in listed] == ["agents.other.dead-letter"]
        assert [e.type for e in platform.events] == ["agents.other.dead-letter"]


@pytest.mark.parametrize("wanted", [True, False])
async def test_dead_letters_of_others_are_told_only_when_asked_for_and_never_kept_for_later(
    *, wanted: bool
) -> None:
    sample = Sample()
    dead = type("Dead", (sample.agent.tasks["shout"].input,), {}, type="agents.other.dead-letter")
    sample.agent.on(dead, lambda payload: payload)(sample.agent.tasks["shout"].handler)
    async with MemoryPlatform([sample.agent], receive_dead_letters=wanted) as platform:
        letter = Event(id="1", source="/x", type="agents.other.dead-letter", data={"word": "gone"})
        answer = await platform.services["sample"].intake.deliver(letter.type, letter.to_json())
        assert answer is Answer.SUCCESS
        assert len(sample.runs) == wanted
