"""The life of an execution, in memory: what a delivery or a request leads to, and what is left when something dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from agents.runtime import Context, Outcome
from agents.runtime.documents import claim_key, execution_key
from agents.runtime.timing import Timing
from agents.runtime.waiting import Pending, Settled
from domain.errors import DocumentUnreadable, IdReused, Rejected, SidecarUnavailable, Unavailable
from domain.event import Event
from domain.execution import Claim, Execution, execution_id
from domain.json import dump
from domain.ports.pubsub import Answer
from infrastructure.host.service import Service
from infrastructure.memory.state import MemoryStateStore
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.runtime.sample import Sample, Word, said

ID = execution_id("sample", "shout", "/tests", "1")


class Platform(MemoryPlatform):
    def __init__(self, sample: Sample) -> None:
        super().__init__([sample.agent])
        self.sample = sample
        self.store: MemoryStateStore = self.stores["sample"]

    @property
    def replica(self) -> Service:
        return self.services["sample"]

    def shouted(self) -> list[str]:
        return [e.data["word"] for e in self.events if e.type == "agents.sample.word.shouted"]

    async def outcome(self, execution: str = ID) -> Execution:
        found = await self.replica.runner.find(execution)
        assert found is not None
        assert found.outcome is not None
        return found.outcome

    async def tally(self) -> list[str]:
        kind = self.sample.agent.entities["tally"]
        tally: Any = await self.replica.runner.work.entities.read(kind, "all")
        return list(tally.words) if tally else []


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform(Sample()) as running:
        yield running


async def test_an_event_becomes_an_execution_its_change_and_its_event(platform: Platform) -> None:
    platform.publish(said("hello"))
    await platform.quiet()
    outcome = await platform.outcome()
    assert outcome.status == "completed"
    assert outcome.output == {"word": "HELLO"}
    assert platform.shouted() == ["HELLO"]
    assert await platform.tally() == ["HELLO"]


async def test_the_way_through_costs_three_sidecar_calls(platform: Platform) -> None:
    """Claim, outcome, publish; the mark is one more call for all executions of 100 ms, and the sample's change three."""
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    assert platform.store.calls == {"create": 2 + 1, "get": 2, "swap": 0, "put": 1}
    assert len(platform.broker.published) == 2


async def test_an_outgoing_event_carries_the_chain(platform: Platform) -> None:
    incoming = said("hello").model_copy(update={"correlationid": "order-7", "hops": 3})
    platform.publish(incoming)
    await platform.quiet()
    outgoing = platform.events[-1]
    assert outgoing.source == "/agents/sample"
    assert outgoing.correlationid == "order-7"
    assert outgoing.causationid == "1"
    assert outgoing.agentid == "sample"
    assert outgoing.hops == 4
    assert outgoing.dataschema == "urn:my-agents:schema:agents.sample.word.shouted:1.0"


async def test_without_a_correlation_id_the_chain_has_the_root_executions(platform: Platform) -> None:
    platform.publish(said("hello"))
    await platform.quiet()
    assert platform.events[-1].correlationid == ID


async def test_a_redelivery_after_completion_publishes_nothing_again(platform: Platform) -> None:
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    platform.publish(said("hello"))
    await platform.quiet(0.3)
    assert platform.shouted() == ["HELLO"]
    assert len(platform.sample.runs) == 1


async def test_five_copies_at_once_run_once(platform: Platform) -> None:
    for _ in range(5):
        platform.publish(said("hello", slow=0.1))
    await platform.quiet(0.3)
    assert platform.shouted() == ["HELLO"]
    assert len(platform.sample.runs) == 1


async def test_five_copies_to_three_replicas_run_once(platform: Platform) -> None:
    others = [platform.service(platform.sample.agent) for _ in range(2)]
    for other in others:
        other.subscribe(platform.broker.subscription())
    await asyncio.sleep(0)
    platform.publish(said("hello", slow=0.1))
    await platform.quiet(0.3)
    assert platform.shouted() == ["HELLO"]
    assert len(platform.sample.runs) == 1
    for other in others:
        await other.stop(grace=1)


async def test_an_event_whose_payload_does_not_fit_becomes_a_dead_letter(platform: Platform) -> None:
    platform.publish(
        Event(id="1", source="/tests", type="agents.sample.word.said", data={"word": ["no", "text"]})
    )
    await platform.quiet()
    outcome = await platform.outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.code == "invalid_input"
    assert outcome.error.details["errors"][0]["field"] == "word"
    letter = platform.events[-1]
    assert letter.type == "agents.sample.dead-letter"
    assert letter.data["cause"] == "invalid_input"
    assert letter.data["original"]["data"] == {"word": ["no", "text"]}
    assert platform.sample.runs == []


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"specversion":"1.0"}',
        b"\xff\xfe",
        b'"\\ud800"',
        b"[" * 100_000,
        b"null",
    ],
)
async def test_what_is_no_cloudevent_is_answered_and_becomes_one_dead_letter(
    platform: Platform, message: bytes
) -> None:
    platform.broker.send("agents.sample.word.said", message)
    platform.broker.send("agents.sample.word.said", message)
    platform.publish(said("after"))
    await platform.quiet()
    letters = [e for e in platform.events if e.type == "agents.sample.dead-letter"]
    assert [letter.data["cause"] for letter in letters] == ["unreadable"]
    assert platform.shouted() == ["AFTER"]


async def test_attributes_of_wrong_types_do_no_harm(platform: Platform) -> None:
    document = {
        **said("hello").model_dump(exclude_none=True),
        "traceid": 1,
        "correlationid": 5,
        "hops": "x",
        "extra": [],
    }
    platform.broker.send("agents.sample.word.said", dump(document))
    await platform.quiet()
    assert platform.shouted() == ["HELLO"]


async def test_an_event_that_is_not_for_us_is_acknowledged(platform: Platform) -> None:
    platform.broker.send("agents.sample.word.said", Event(id="9", source="/x", type="other.thing").to_json())
    platform.publish(said("hello"))
    await platform.quiet()
    assert platform.shouted() == ["HELLO"]
    assert len(platform.events) == 3


async def test_a_transient_failure_is_tried_again_and_counted(platform: Platform) -> None:
    platform.publish(said("hello", fail="Transient", times=1))
    await platform.quiet(0.7)
    outcome = await platform.outcome()
    assert outcome.status == "completed"
    assert outcome.attempts == 2
    assert platform.shouted() == ["HELLO"]


async def test_used_up_attempts_become_a_dead_letter_without_the_bugs_text(platform: Platform) -> None:
    platform.publish(said("hello", fail="RuntimeError", times=99))
    await platform.quiet(2.5)
    outcome = await platform.outcome()
    assert outcome.error is not None
    assert outcome.error.code == "internal"
    assert outcome.attempts == 3
    assert "secret" not in platform.events[-1].to_json().decode()
    assert len(platform.sample.runs) == 3


async def test_an_unavailable_dependency_holds_the_work_and_counts_no_attempt(platform: Platform) -> None:
    platform.publish(said("hello", fail="ModelUnavailable", times=2))
    await platform.quiet(1.5)
    outcome = await platform.outcome()
    assert outcome.attempts == 1
    assert platform.shouted() == ["HELLO"]


async def test_an_event_id_used_for_other_data_is_a_dead_letter_of_its_own(platform: Platform) -> None:
    platform.publish(said("first"))
    await platform.quiet()
    platform.publish(said("second"))
    await platform.quiet()
    assert platform.shouted() == ["FIRST"]
    assert platform.events[-1].data["cause"] == "id_reused"
    assert platform.events[-1].data["original"]["data"] == {"word": "second"}


async def test_a_dead_owners_work_is_taken_over_after_its_lease(platform: Platform) -> None:
    await _abandon(platform, "hello")
    platform.publish(said("hello"))
    await platform.quiet(0.5)
    assert platform.shouted() == ["HELLO"]
    outcome = await platform.outcome()
    assert outcome.status == "completed"


async def test_work_that_kills_its_process_again_and_again_is_recorded_as_crashed(platform: Platform) -> None:
    for _ in range(5):
        await _abandon(platform, "hello")
    platform.publish(said("hello"))
    await platform.quiet(0.5)
    outcome = await platform.outcome()
    assert outcome.error is not None
    assert outcome.error.code == "crashed"
    assert platform.sample.runs == []


async def test_an_outcome_that_was_not_published_is_published_by_the_next_delivery(
    platform: Platform,
) -> None:
    platform.publish(said("hello"))
    await platform.quiet()
    other = Platform(platform.sample)
    other.stores = platform.stores
    other.store = platform.store
    del platform.store._documents[f"published:{ID}"]
    async with other:
        other.publish(said("hello"))
        await other.quiet(0.5)
        assert [e.id for e in other.events[1:]] == [e.id for e in platform.events[1:]]
        assert await other.tally() == ["HELLO"]
        assert len(platform.sample.runs) == 1


async def test_an_outcome_that_another_attempt_recorded_first_wins(platform: Platform) -> None:
    platform.publish(said("hello", slow=0.5))
    await asyncio.sleep(0.05)
    async with Platform(Sample()) as elsewhere:
        elsewhere.publish(said("hello"))
        await elsewhere.quiet()
        theirs = (await elsewhere.outcome()).model_copy(update={"output": {"word": "THEIRS"}, "events": ()})
    await platform.store.create(execution_key(ID), theirs.model_dump_json().encode(), ttl=60)
    await platform.quiet(0.6)
    assert (await platform.outcome()).output == {"word": "THEIRS"}
    assert platform.shouted() == []


async def test_a_shutdown_hands_back_what_does_not_end_in_time(platform: Platform) -> None:
    platform.publish(said("hello", slow=5))
    await asyncio.sleep(0.05)
    await platform.replica.stop(grace=0.05)
    found = await platform.replica.runner.find(ID)
    assert found is not None
    claim = found.claim
    assert claim is not None
    assert claim.handed_back
    assert [attempt.ended for attempt in claim.attempts] == ["handed_back"]


async def test_handed_back_work_is_taken_up_at_once_elsewhere(platform: Platform) -> None:
    platform.publish(said("hello", slow=0.2))
    await asyncio.sleep(0.05)
    await platform.replica.stop(grace=0)
    other = platform.service(platform.sample.agent)
    other.subscribe(platform.broker.subscription())
    await asyncio.sleep(0)
    platform.broker.send("agents.sample.word.said", said("hello", slow=0.2).to_json())
    await asyncio.sleep(0.3)
    await other.stop(grace=1)
    assert platform.shouted() == ["HELLO"]
    assert platform.telemetry.counted("agents.takeovers") == 0, "a restart on purpose is no silence"


async def test_an_unreadable_document_is_an_error_that_names_its_key(platform: Platform) -> None:
    await platform.store.create(claim_key(ID), b'{"foreign": true}', ttl=60)
    platform.publish(said("hello"))
    await asyncio.sleep(0.2)
    assert platform.sample.runs == []
    with pytest.raises(DocumentUnreadable, match=f"claim:{ID}"):
        await platform.replica.runner.find(ID)


async def test_a_newer_document_is_left_alone(platform: Platform) -> None:
    platform.publish(said("hello"))
    await platform.quiet()
    key = execution_key(ID)
    stored = await platform.store.get(key)
    assert stored is not None
    await platform.store.swap(key, stored.data.replace(b'"v":1', b'"v":2'), stored.etag, ttl=60)
    with pytest.raises(DocumentUnreadable, match="version 2"):
        await platform.replica.runner.find(ID)


class Flaky(MemoryStateStore):
    """Fails the n-th calls of an operation: `before` it takes effect, or `after`."""

    def __init__(self, failures: dict[tuple[str, int], str]) -> None:
        super().__init__()
        self.failures = failures

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        failure = self.failures.get(("create", self.calls["create"]))
        if failure == "before":
            self.calls["create"] += 1
            raise SidecarUnavailable("down")
        created = await super().create(key, data, ttl=ttl)
        if failure == "refused after":
            return False
        if failure == "after":
            raise SidecarUnavailable("down, but written")
        return created


@pytest.mark.parametrize("call", [0, 1, 2])
@pytest.mark.parametrize("failure", ["before", "after", "refused after"])
async def test_a_store_that_fails_at_any_write_costs_neither_loss_nor_a_second_event(
    call: int, failure: str
) -> None:
    """Writes: the claim, the outcome, the entity."""
    platform = Platform(Sample())
    platform.stores["sample"] = platform.store = Flaky({("create", call): failure})
    async with platform:
        platform.publish(said("hello"))
        await platform.quiet(1.5)
        assert platform.shouted() == ["HELLO"]
        assert await platform.tally() == ["HELLO"]
        assert len(platform.sample.runs) == 1


class TestRequests:
    async def test_a_request_is_announced_before_it_runs(self, platform: Platform) -> None:
        execution = await platform.execute("sample", "shout", {"word": "hi"}, key="k")
        assert execution.output == {"word": "HI"}
        topic, message = platform.broker.published[0]
        assert topic == "agents.sample.execution.requested"
        assert Event.model_validate_json(message).data["key"] == "k"
        await platform.quiet()
        assert len(platform.sample.runs) == 1

    async def test_the_same_key_is_the_same_execution(self, platform: Platform) -> None:
        first = await platform.execute("sample", "shout", {"word": "hi"}, key="k")
        second = await platform.execute("sample", "shout", {"word": "hi"}, key="k")
        assert first == second
        assert len(platform.sample.runs) == 1

    async def test_the_same_key_with_another_input_is_refused(self, platform: Platform) -> None:
        await platform.execute("sample", "shout", {"word": "hi"}, key="k")
        with pytest.raises(IdReused):
            await platform.execute("sample", "shout", {"word": "ho"}, key="k")

    async def test_a_request_whose_process_dies_is_run_from_its_command(self, platform: Platform) -> None:
        task = platform.sample.agent.tasks["shout"]
        doomed = platform.service(platform.sample.agent)
        trigger, settled = await doomed.submit(
            task, {"word": "hi", "slow": 0.3}, key="k", correlation_id=None, patience=0
        )
        assert settled == Pending()
        run = doomed.runner._runs[trigger.execution_id]

        async def nothing(reason: str) -> None:
            """A killed process hands nothing back."""

        run._hand_back = nothing  # type: ignore[method-assign]
        run.task.cancel()
        await platform.quiet(1.0)
        assert (await platform.outcome(trigger.execution_id)).output == {"word": "HI"}
        assert platform.telemetry.counted("agents.takeovers") == 1

    async def test_a_request_that_no_broker_took_is_not_accepted(self, platform: Platform) -> None:
        async def down(topic: str, event: Event) -> None:
            raise SidecarUnavailable("the broker is gone")

        platform.broker.publish = down  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="the broker is gone"):
            await platform.execute("sample", "shout", {"word": "hi"}, key="k")
        assert platform.sample.runs == []

    async def test_a_request_held_up_by_a_dependency_is_told_and_still_runs(self, platform: Platform) -> None:
        task = platform.sample.agent.tasks["shout"]
        value = {"word": "hi", "fail": "ModelUnavailable", "times": 1}
        trigger, settled = await platform.replica.submit(
            task, value, key="k", correlation_id=None, patience=30
        )
        assert isinstance(settled, Pending)
        assert str(settled.trouble) == "as told"
        await platform.quiet(0.5)
        assert (await platform.outcome(trigger.execution_id)).output == {"word": "HI"}

    async def test_a_given_correlation_id_finds_its_root(self, platform: Platform) -> None:
        execution = await platform.execute("sample", "shout", {"word": "hi"}, correlation_id="order-7")
        assert execution.correlation_id == "order-7"
        assert await platform.replica.correlations.roots("order-7") == [execution.id]


async def test_settled_work_says_whether_it_was_replayed(platform: Platform) -> None:
    task = platform.sample.agent.tasks["shout"]
    _, first = await platform.replica.submit(task, {"word": "hi"}, key="k", correlation_id=None, patience=5)
    _, second = await platform.replica.submit(task, {"word": "hi"}, key="k", correlation_id=None, patience=5)
    assert isinstance(first, Settled)
    assert isinstance(second, Settled)
    assert (first.replayed, second.replayed) == (False, True)


async def test_a_change_that_raises_fails_its_execution_before_anything_is_recorded(
    platform: Platform,
) -> None:
    tally = platform.sample.agent.changes["tally"]

    def broken(entity: object, word: object) -> object:
        raise KeyError("a bug in a change")

    platform.sample.agent.changes["tally"] = replace(tally, apply=broken)
    platform.publish(said("hello"))
    await platform.quiet(1.5)
    outcome = await platform.outcome()
    assert outcome.error is not None
    assert outcome.error.code == "internal"
    assert platform.shouted() == []


async def test_a_change_of_a_newer_version_is_left_to_the_replica_that_knows_it(platform: Platform) -> None:
    await _abandon(platform, "hello")
    async with Platform(Sample()) as newer:
        newer.publish(said("hello"))
        await newer.quiet(0.3)
        recorded = await newer.outcome()
    await platform.store.create(execution_key(ID), recorded.model_dump_json().encode(), ttl=60)
    known = platform.sample.agent.changes.pop("tally")
    platform.publish(said("hello"))
    await asyncio.sleep(0.6)
    assert platform.shouted() == []
    platform.sample.agent.changes["tally"] = known
    await platform.quiet(0.5)
    assert platform.shouted() == ["HELLO"]
    assert await platform.tally() == ["HELLO"]


async def test_a_bug_of_the_runtime_is_answered_with_retry(platform: Platform) -> None:
    async def broken(trigger: object) -> Answer:
        raise KeyError("a bug")

    platform.replica.runner.deliver = broken  # type: ignore[method-assign]
    event = said("hello")
    assert await platform.replica.intake.deliver(event.type, event.to_json()) is Answer.RETRY


async def test_a_failure_may_hold_anything(platform: Platform) -> None:
    task = platform.sample.agent.tasks["shout"]

    async def refusing(said: object, ctx: object) -> Outcome:
        raise Rejected("half a character: \udcff", strange=object(), deep={"x": {1, 2}})

    task.handler = refusing
    platform.publish(said("hello"))
    await platform.quiet()
    outcome = await platform.outcome()
    assert outcome.error is not None
    assert outcome.error.message == "half a character: ?"


async def test_an_attempt_that_lost_its_claim_records_nothing_even_when_it_was_the_last(
    platform: Platform,
) -> None:
    task = platform.sample.agent.tasks["shout"]

    async def with_effect(said: object, ctx: Context) -> Outcome:
        platform.sample.runs.append("woke up")
        stored = await platform.store.get(claim_key(ID))
        assert stored is not None
        thief = Claim.model_validate_json(stored.data).model_copy(update={"nonce": "thief"})
        await platform.store.swap(claim_key(ID), thief.model_dump_json().encode(), stored.etag, ttl=60)
        await ctx.effect(Word)
        raise AssertionError("not reached")

    task.handler = with_effect
    platform.publish(said("hello"))
    await asyncio.sleep(0.1)
    assert platform.sample.runs == ["woke up"]
    assert await platform.store.get(execution_key(ID)) is None


async def test_an_outage_of_the_broker_uses_up_no_attempt_of_a_request(platform: Platform) -> None:
    publish = platform.broker.publish

    async def down(topic: str, event: Event) -> None:
        raise SidecarUnavailable("the broker is gone")

    platform.broker.publish = down  # type: ignore[method-assign]
    for _ in range(4):
        with pytest.raises(Unavailable):
            await platform.execute("sample", "shout", {"word": "hi"}, key="k")
    platform.broker.publish = publish  # type: ignore[method-assign]
    value = {"word": "hi"}
    assert (await platform.execute("sample", "shout", value, key="k")).attempts == 1


async def test_a_request_that_meets_anothers_claim_is_accepted_only_once_the_broker_has_it(
    platform: Platform,
) -> None:
    other = platform.service(platform.sample.agent)
    task = platform.sample.agent.tasks["shout"]
    slow = {"word": "hi", "slow": 1.0}
    await other.submit(task, slow, key="k", correlation_id=None, patience=0)
    before = len(platform.broker.published)
    _, settled = await platform.replica.submit(task, slow, key="k", correlation_id=None, patience=0)
    assert settled == Pending()
    assert len(platform.broker.published) == before + 1
    await other.stop(grace=2)


async def test_a_replica_that_is_full_refuses_requests(platform: Platform) -> None:
    full = Platform(platform.sample)
    full._timing = Timing(lease=0.2, redelivery_after=0.4, max_runs=2)
    async with full:
        task = platform.sample.agent.tasks["shout"]
        for key in ("a", "b"):
            await full.replica.submit(
                task, {"word": key, "slow": 0.3}, key=key, correlation_id=None, patience=0
            )
        with pytest.raises(Unavailable, match="works on 2 executions"):
            await full.replica.submit(task, {"word": "c"}, key="c", correlation_id=None, patience=0)


async def test_receiving_that_breaks_begins_again_and_does_not_hold_up_a_shutdown() -> None:
    class Broken:
        connected = False
        tries = 0

        async def run(self, topics: object, deliver: object) -> None:
            self.tries += 1
            raise RuntimeError("no stream")

    async with Platform(Sample()) as platform:
        service = platform.service(platform.sample.agent)
        broken = Broken()
        service.subscribe(broken)
        await asyncio.sleep(1.1)
        assert broken.tries == 2
        await asyncio.wait_for(service.stop(grace=1), 60)


async def test_an_event_too_large_for_a_claim_becomes_a_dead_letter_with_an_excerpt(
    platform: Platform,
) -> None:
    platform.publish(said("x" * 2_000_000))
    await platform.quiet(1.0)  # two megabytes take a moment before anything runs
    letter = platform.events[-1]
    assert letter.data["cause"] == "too_large"
    assert len(letter.to_json()) < 5_000


async def test_an_undeclared_event_is_a_bug(platform: Platform) -> None:
    platform.sample.agent.emits.clear()
    platform.publish(said("hello"))
    await platform.quiet(1.5)
    outcome = await platform.outcome()
    assert outcome.status == "failed"


async def _abandon(platform: Platform, word: str) -> None:
    """Leave the claim as a killed process leaves it: owned, and never moved again."""
    doomed = platform.service(platform.sample.agent)
    event = said(word)
    trigger = doomed.intake._triggers(event.type, event)[0]
    claims = doomed.runner._claims
    if await claims.create(trigger, "dead") is None:
        held = await claims.read(trigger.execution_id)
        assert held is not None
        assert await claims.take_over(held, "dead") is not None
