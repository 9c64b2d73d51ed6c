"""The audit trail over a store that fails, with several replicas."""

from __future__ import annotations

import asyncio
import logging

import pytest

from domain import json
from domain.errors import Unavailable
from infrastructure.identity.audit import AuditTrail
from infrastructure.identity.caller import LOCAL, Caller
from infrastructure.identity.roles import Role, permissions_of
from infrastructure.memory.state import MemoryStateStore

BOB = Caller("subjects/bob", (Role.OPERATOR,), permissions_of([Role.OPERATOR]))


class Failing(MemoryStateStore):
    """`create` fails as often as told: before it wrote anything, or after."""

    before = after = refusing = 0
    puts_fail = False

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        if self.before:
            self.before -= 1
            raise Unavailable("down")
        if self.refusing:
            self.refusing -= 1
            return False
        done = await super().create(key, data, ttl=ttl)
        if self.after:
            self.after -= 1
            return False
        return done

    async def put(self, items: object, *, ttl: int | None) -> None:
        if self.puts_fail:
            raise Unavailable("down")
        await super().put(items, ttl=ttl)  # type: ignore[arg-type]


async def test_an_act_is_recorded_before_it_is_done_and_its_result_after() -> None:
    trail = AuditTrail(MemoryStateStore(), "sample")
    begun = await trail.begin(BOB, "prompts.promote", "greeting", b'{"version": "1.1.0"}')
    (record,) = (await trail.page(None, 10)).records
    assert (record.number, record.act.who, record.act.roles, record.act.act, record.act.target, record.result) == (
        0, "subjects/bob", ("Agents.Operator",), "prompts.promote", "greeting", None,
    )  # fmt: skip
    assert record.act.given == '{"version": "1.1.0"}'
    await trail.end(begun, "failed", "unknown_prompt")
    (record,) = (await trail.page(None, 10)).records
    assert record.result is not None
    assert (record.result.result, record.result.error) == ("failed", "unknown_prompt")
    assert record.act.at <= record.result.at


async def test_what_is_kept_of_a_body_is_its_beginning_without_secrets_and_whole_characters() -> None:
    trail = AuditTrail(MemoryStateStore(), "sample")
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    for body in (f'{{"reason":"{key} leaked"}}', "x" * 189 + " " + key, "x" + "é" * 200):
        await trail.begin(BOB, "dead-letters.drop", "a", body.encode())
    given = [record.act.given for record in (await trail.page(None, 10)).records][::-1]
    assert given == ['{"reason":"*** leaked"}', "x" * 189 + " ***", "x" + "é" * 99]


async def test_replicas_write_one_trail_without_gaps_and_without_overwriting() -> None:
    store = MemoryStateStore()
    trails = [AuditTrail(store, "sample") for _ in range(3)]

    async def act(number: int) -> None:
        trail = trails[number % 3]
        await trail.end(await trail.begin(LOCAL, "dead-letters.drop", f"letter-{number}"), "done")

    await asyncio.gather(*map(act, range(40)))
    await act(40)
    records = (await AuditTrail(store, "sample").page(None, 500)).records
    assert [record.number for record in records] == [*range(40, -1, -1)]
    assert sorted(record.act.target for record in records) == sorted(
        f"letter-{number}" for number in range(41)
    )


async def test_a_replica_that_was_silent_for_long_goes_on_at_the_end() -> None:
    store = MemoryStateStore()
    silent, busy = AuditTrail(store, "sample"), AuditTrail(store, "sample")
    await silent.end(await silent.begin(LOCAL, "first", ""), "done")
    for _ in range(100):
        await busy.end(await busy.begin(LOCAL, "busy", ""), "done")
    assert (await silent.begin(LOCAL, "last", "")).number == 101


async def test_an_act_that_ends_late_does_not_make_readers_look_for_the_end() -> None:
    store = MemoryStateStore()
    trail = AuditTrail(store, "sample")
    long = await trail.begin(LOCAL, "long", "")
    for _ in range(50):
        await trail.end(await trail.begin(LOCAL, "short", ""), "done")
    await trail.end(long, "done")
    last = await store.get("audit:sample")
    assert last is not None
    assert json.parse(last.data)["number"] == 50


async def test_pages_follow_each_other_newest_first() -> None:
    trail = AuditTrail(MemoryStateStore(), "sample")
    for number in range(60):
        await trail.begin(LOCAL, "act", str(number))
    seen: list[str] = []
    cursor = None
    while True:
        page = await trail.page(cursor, 7)
        seen += [record.act.target for record in page.records]
        if (cursor := page.next) is None:
            break
    assert seen == [str(number) for number in range(59, -1, -1)]


@pytest.mark.parametrize("cursor", ["-1", "x", "1.5", "²", "9" * 20])
async def test_what_is_no_cursor_is_said(cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        await AuditTrail(MemoryStateStore(), "sample").page(cursor, 5)


async def test_an_act_that_cannot_be_recorded_must_not_be_done() -> None:
    store = Failing()
    trail = AuditTrail(store, "sample")
    store.before = 1
    with pytest.raises(Unavailable):
        await trail.begin(BOB, "act", "")
    store.refusing = 1
    with pytest.raises(Unavailable, match="nothing was done"):
        await trail.begin(BOB, "act", "")
    assert (await trail.begin(BOB, "act", "")).number == 0


async def test_a_record_whose_answer_was_lost_is_known_again() -> None:
    store = Failing()
    trail = AuditTrail(store, "sample")
    store.after = 1
    assert (await trail.begin(BOB, "act", "")).number == 0
    assert (await trail.begin(BOB, "act", "")).number == 1


async def test_a_result_that_cannot_be_kept_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store = Failing()
    trail = AuditTrail(store, "sample")
    begun = await trail.begin(BOB, "act", "x")
    store.puts_fail = True
    await trail.end(begun, "done")
    told, warned = caplog.records
    assert (told.name, told.getMessage()) == ("agents.audit", "act done")
    assert (vars(told)["who"], vars(told)["target"], vars(told)["number"]) == ("subjects/bob", "x", 0)
    assert warned.getMessage() == "the result of record 0 is in the log alone: down"
    assert (await trail.page(None, 5)).records[0].result is None


async def test_a_refused_act_is_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    trail = AuditTrail(MemoryStateStore(), "sample")
    trail.refuse(BOB, "audit.read", "y" * 1000)
    (told,) = caplog.records
    assert (told.levelname, told.getMessage(), len(vars(told)["target"])) == (
        "WARNING",
        "audit.read refused",
        200,
    )
    assert (await trail.page(None, 5)).records == []
