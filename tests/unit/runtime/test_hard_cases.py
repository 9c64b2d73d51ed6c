"""Work made to fall between two stools: each case once froze a replica, lost an outcome or doubled an effect."""

from __future__ import annotations

import asyncio

import pytest

from agents.runtime import Agent, Context, Outcome
from agents.runtime.documents import claim_key
from agents.runtime.waiting import Pending, Settled
from domain.errors import Rejected, SidecarUnavailable
from domain.event import Event
from domain.execution import Claim, Failure, Trigger
from domain.ports.pubsub import Answer
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.runtime.sample import Sample, Tally, Word, said

LONG = "x" * 2_000_000


@pytest.mark.parametrize(
    "attribute", ["correlationid", "traceparent", "causationid", "subject", "dataschema", "time"]
)
async def test_an_extension_beyond_all_measure_is_read_as_absent(attribute: str) -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        event = said("x").model_copy(update={attribute: LONG})
        answer = await platform.services["sample"].intake.deliver(event.type, event.to_json())
        assert answer is Answer.SUCCESS
        (shouted,) = [e for e in platform.events if e.type.endswith("shouted")]
        assert len(shouted.to_json()) < 1_000


@pytest.mark.parametrize("field", ["task", "source", "key", "correlation_id", "causation_id", "traceparent"])
async def test_a_command_with_a_field_beyond_all_measure_becomes_a_dead_letter(field: str) -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        topic = "agents.sample.execution.requested"
        trigger = {"agent": "sample", "task": "shout", "source": "/x", "key": "k", "input": {"word": "hi"}}
        command = Event(id="1", source="/x", type=topic, data=trigger | {field: LONG})
        answer = await platform.services["sample"].intake.deliver(topic, command.to_json())
        assert answer is Answer.SUCCESS
        listing = await platform.services["sample"].runner.dead_letters.page(None, 5, lambda _: True)
        assert [letter.cause for letter in listing.letters] == ["too_large"]
        assert len(listing.letters[0].model_dump_json()) < 10_000


async def test_an_event_that_comes_round_too_often_is_a_dead_letter() -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        intake, letters = platform.services["sample"].intake, platform.services["sample"].runner.dead_letters
        for number, hops in enumerate((15, 16)):
            event = said("x", event_id=str(number)).model_copy(update={"hops": hops})
            assert await intake.deliver(event.type, event.to_json()) is Answer.SUCCESS
        shouted = [e for e in platform.events if e.type.endswith("shouted")]
        assert [e.hops for e in shouted] == [16]
        (letter,) = (await letters.page(None, 5, lambda _: True)).letters
        assert (letter.cause, "in a loop" in letter.message) == ("rejected", True)


@pytest.mark.parametrize("details", [{}, {"found": LONG}])
async def test_a_failure_that_talks_without_end_is_recorded_all_the_same(details: dict[str, str]) -> None:
    agent = Agent("sample", description="Talks.")

    @agent.task()
    async def work(word: Word, ctx: Context) -> Outcome:
        raise Rejected(LONG, **details)

    async with MemoryPlatform([agent]) as platform:
        runner = platform.services["sample"].runner
        trigger = Trigger(agent="sample", task="work", source="/t", key="1", input={"word": "a"})
        assert await runner.deliver(trigger) is Answer.SUCCESS
        found = await runner.find(trigger.execution_id)
        assert found is not None
        assert found.outcome is not None
        assert found.outcome.error is not None
        assert len(found.outcome.model_dump_json()) < 10_000


async def test_a_change_that_fails_only_when_it_is_applied_holds_no_events_back() -> None:
    agent = Agent("sample", description="Works.")

    @agent.change
    def once(entity: Tally, word: Word) -> Tally:
        if entity.words:
            raise ValueError("only once")
        return Tally(words=[word.word])

    @agent.task()
    async def work(word: Word, ctx: Context) -> Outcome:
        return Outcome(output=word, changes=[once.to("all", word)])

    async with MemoryPlatform([agent]) as platform:
        runner = platform.services["sample"].runner
        triggers = [
            Trigger(agent="sample", task="work", source="/t", key=key, input={"word": key}) for key in "ab"
        ]
        answers = await asyncio.gather(*map(runner.deliver, triggers))
        assert answers == [Answer.SUCCESS, Answer.SUCCESS]
        await platform.quiet(0.3)
        unapplied: list[str] = []
        for trigger in triggers:
            found = await runner.find(trigger.execution_id)
            assert found is not None
            assert found.published is not None
            unapplied += found.published.unapplied
        assert unapplied == ["tally:all"]


async def test_one_broken_document_of_the_index_stops_no_other_letter() -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        runner = platform.services["sample"].runner
        refusal = Failure(code="rejected", message="no")
        triggers = [
            Trigger(agent="sample", task="shout", source="/t", key=key, event=said("x"), refusal=refusal)
            for key in "abc"
        ]
        broken = f"dead-letter:{triggers[0].execution_id}"
        await platform.stores["sample"].create(broken, b"foreign", ttl=None)
        answers = await asyncio.gather(*map(runner.deliver, triggers))
        assert answers == [Answer.RETRY, Answer.SUCCESS, Answer.SUCCESS]
        listing = await runner.dead_letters.page(None, 5, lambda _: True)
        assert sorted(letter.event_id for letter in listing.letters) == ["b", "c"]


async def test_a_broken_page_of_the_index_stops_only_the_letters_that_lie_on_it() -> None:
    async with MemoryPlatform([Sample().agent]) as platform:
        runner = platform.services["sample"].runner
        await platform.stores["sample"].create("dead-letters:sample:0", b"foreign", ttl=None)
        refusal = Failure(code="rejected", message="no")
        answers = [
            await runner.deliver(
                Trigger(agent="sample", task="shout", source="/t", key=key, event=said("x"), refusal=refusal)
            )
            for key in "abc"
        ]
        assert answers == [Answer.RETRY, Answer.SUCCESS, Answer.SUCCESS]


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_request_that_meets_a_broken_store_after_the_broker_has_it_runs_once(
    key: str | None,
) -> None:
    """Without a key of its own it is kept, and says so; with one, it is best sent again under the same."""
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        service, store = platform.services["sample"], platform.stores["sample"]
        create = store.create
        failed: list[str] = []

        async def down(key: str, data: bytes, *, ttl: int | None) -> bool:
            if len(failed) < 2:
                failed.append(key)
                raise SidecarUnavailable("down for a moment")
            return await create(key, data, ttl=ttl)

        store.create = down  # type: ignore[method-assign]
        submit = service.submit(
            sample.agent.tasks["shout"], {"word": "hi"}, key=key, correlation_id=None, patience=5
        )
        if key is None:
            _, settled = await submit
            assert isinstance(settled, Pending)
            assert isinstance(settled.trouble, SidecarUnavailable)
        else:
            with pytest.raises(SidecarUnavailable):
                await submit
            await asyncio.sleep(1)
            _, settled = await service.submit(
                sample.agent.tasks["shout"], {"word": "hi"}, key=key, correlation_id=None, patience=5
            )
            assert isinstance(settled, Settled)
        await platform.quiet(1.0)
        assert len(sample.runs) == 1
        assert [e.data["word"] for e in platform.events if e.type.endswith("shouted")] == ["HI"]


async def test_a_zombie_that_swallows_its_cancellation_gets_no_effect() -> None:
    agent = Agent("sample", description="Holds on.")
    went_on, had = asyncio.Event(), []

    @agent.task()
    async def work(word: Word, ctx: Context) -> Outcome:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            went_on.set()
        had.append(await ctx.effect(Word))
        return Outcome(output=word)

    async with MemoryPlatform([agent]) as platform:
        store, runner = platform.stores["sample"], platform.services["sample"].runner
        trigger = Trigger(agent="sample", task="work", source="/t", key="1", input={"word": "a"})
        delivery = asyncio.create_task(runner.deliver(trigger))
        await asyncio.sleep(0.02)
        stored = await store.get(claim_key(trigger.execution_id))
        assert stored is not None
        thief = Claim.model_validate_json(stored.data).model_copy(update={"nonce": "thief"})
        await store.swap(
            claim_key(trigger.execution_id), thief.model_dump_json().encode(), stored.etag, ttl=60
        )
        runner._runs[trigger.execution_id].doubted = True  # as after a lease without a pulse
        await asyncio.wait_for(went_on.wait(), 60)
        assert await delivery is Answer.RETRY
        assert had == []
