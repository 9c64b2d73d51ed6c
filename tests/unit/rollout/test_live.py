"""Replicas that follow splits, gather figures and take back what is worse, over one store."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from domain.errors import Unavailable
from domain.rollout import Splits
from infrastructure.memory.prompts import MemoryPrompts
from infrastructure.rollout import live
from infrastructure.rollout.announcing import rolled_back
from tests.unit.rollout.room import TOPIC, Room, bad_candidate, outcome, shares, until


async def test_nothing_is_asked_before_the_splits_are_known(room: Room) -> None:
    room.store.down = True
    replica = room.replica()
    with pytest.raises(Unavailable, match="not known yet"):
        replica.choose("write", "a")
    room.store.down = False
    await until(lambda: replica.splits._tables is not None)
    assert replica.choose("write", "a") is None


async def test_a_split_reaches_every_replica_and_all_choose_alike(room: Room) -> None:
    one, other = room.replica(), room.replica()
    await until(lambda: all(replica.splits._tables is not None for replica in (one, other)))
    await room.orders(one).split("write", shares(v1_0_0=50, v1_1_0=50))
    await until(lambda: other.splits.current == one.splits.current)
    chosen = [
        [replica.choose("write", f"chain-{n}").prompt.version for n in range(300)]  # type: ignore[union-attr]
        for replica in (one, other)
    ]
    assert chosen[0] == chosen[1]
    assert 100 < Counter(chosen[0])["1.1.0"] < 200


async def test_a_store_that_is_away_leaves_the_last_split_and_is_told_of_once(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_1_0=100))
    room.store.down = True
    await until(lambda: "stay as they are known here" in caplog.text)
    await asyncio.sleep(0.2)
    chosen = replica.choose("write", "a")
    assert chosen is not None
    assert chosen.prompt.version == "1.1.0"
    assert caplog.text.count("stay as they are known here") == 1


async def test_a_version_that_a_replica_does_not_have_is_left_to_its_registry(room: Room) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=50, v1_1_0=50))
    old = room.replica()
    old.splits._prompts = MemoryPrompts(room.prompts.version("write", "1.0.0"))
    await until(lambda: old.splits.current.revision == 1)
    chosen = [old.choose("write", f"chain-{n}") for n in range(100)]
    assert {one.prompt.version for one in chosen if one} == {"1.0.0"}
    assert None in chosen


async def test_figures_of_two_replicas_are_added_up_and_no_batch_is_counted_twice(room: Room) -> None:
    one, other = room.replica(), room.replica()
    await until(lambda: all(replica.splits._tables is not None for replica in (one, other)))
    await room.orders(one).split("write", shares(v1_0_0=100))
    await until(lambda: other.splits.current.revision == 1)
    room.store.lost_answers = 3
    for n in range(50):
        outcome(one, f"a{n}")
        outcome(other, f"b{n}")
        if n % 10 == 0:
            await asyncio.sleep(0.03)
    await until(lambda: one.figures.is_empty and other.figures.is_empty)
    sheet = await one.figures.sheet("write", "1.0.0")
    assert sheet.total["executions"] == 100
    assert sheet.revisions["1"]["input_tokens.sum"] == 1000


async def test_figures_wait_for_a_store_that_is_away(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=100))
    room.store.down = True
    outcome(replica, "a")
    await until(lambda: "wait to be written" in caplog.text)
    outcome(replica, "b")
    await asyncio.sleep(0.2)
    room.store.down = False
    await until(lambda: replica.figures.is_empty)
    assert (await replica.figures.sheet("write", "1.0.0")).total["executions"] == 2
    assert caplog.text.count("wait to be written") == 1


async def test_a_candidate_that_is_worse_loses_its_work_by_itself(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    replica = room.replica()
    await bad_candidate(room, [replica])
    split = replica.splits.current.splits["write"]
    assert split.shares == {"1.0.0": 100, "1.1.0": 0}
    (one,) = replica.splits.current.taken_back
    assert (one.criterion, one.baseline, one.share, one.revision) == ("validity", "1.0.0", 50, 1)
    assert "first answers were invalid (100.0%)" in one.because
    assert "write 1.1.0 gets no more work, 1.0.0 has it" in caplog.text
    assert room.telemetry.counted("agents.prompts.rolled_back", prompt="write", criterion="validity") == 1
    await until(lambda: replica.splits.current.taken_back[0].announced)
    (event,) = room.broker.told
    assert (event.data["prompt_version"], event.data["because"]) == ("1.1.0", one.because)
    assert {replica.choose("write", f"c{n}").prompt.version for n in range(200)} == {"1.0.0"}  # type: ignore[union-attr]


async def test_two_replicas_take_back_once_and_tell_one_identity(room: Room) -> None:
    await bad_candidate(room, [room.replica(), room.replica()])
    await asyncio.sleep(0.3)
    assert len(room.replicas[0].splits.current.taken_back) == 1
    assert len({event.id for event in room.broker.told}) == 1


async def test_who_dies_before_the_event_is_out_is_spoken_for_by_another(room: Room) -> None:
    room.broker.down = True
    replica = room.replica()
    await bad_candidate(room, [replica])
    await replica.close()
    assert room.broker.told == []
    assert not replica.splits.current.taken_back[0].announced
    room.broker.down = False
    other = room.replica()
    await until(lambda: other.splits.current.taken_back and other.splits.current.taken_back[0].announced)
    (event,) = room.broker.told
    assert event == rolled_back("writer", TOPIC, other.splits.current.taken_back[0]).model_copy(
        update={"time": event.time}
    )


async def test_what_nobody_foresaw_is_logged_once_and_the_splits_are_followed_on(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.broker.down = True
    replica = room.replica()
    await bad_candidate(room, [replica])
    await replica.close()
    room.broker.bug = KeyError("of ours")
    other = room.replica()
    await until(lambda: "'of ours'" in caplog.text)
    assert "Traceback" in caplog.text
    await room.orders(replica).split("write", shares(v1_0_0=100))
    await until(lambda: other.splits.current.revision == 2)
    assert caplog.text.count("stay as they are known here") == 1
    room.broker.bug, room.broker.down = None, False
    await until(lambda: other.splits.current.taken_back[0].announced)


async def test_figures_of_one_version_that_cannot_be_written_hold_up_no_others(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=50, v1_1_0=50))
    room.store.bugs_at = "figures:writer:write:1.0.0"
    for n in range(50):
        outcome(replica, f"chain-{n}")
    await until(lambda: "wait to be written" in caplog.text)
    assert (await replica.figures.sheet("write", "1.1.0")).total["executions"] > 0
    assert "Traceback" in caplog.text
    room.store.bugs_at = ""
    await until(lambda: replica.figures.is_empty)
    written = [await replica.figures.sheet("write", version) for version in ("1.0.0", "1.1.0")]
    assert sum(sheet.total["executions"] for sheet in written) == 50


async def test_who_is_about_to_tell_is_given_time_before_another_tells_for_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.broker.down = True
    replica = room.replica()
    await bad_candidate(room, [replica])
    await replica.close()
    room.broker.down = False
    monkeypatch.setattr(live, "REFRESH", 60)
    other = room.replica()
    await until(lambda: other.splits.current.taken_back)
    await asyncio.sleep(0.1)
    assert room.broker.told == []  # it would tell at its second look


async def test_what_was_gathered_is_written_at_the_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    replica, other = room.replica(), room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=100))
    monkeypatch.setattr(live, "FLUSH", (60, 60))
    outcome(replica, "a")
    await replica.close()
    assert (await other.figures.sheet("write", "1.0.0")).total["executions"] == 1


async def test_a_store_that_hangs_does_not_hold_up_the_end(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=100))
    monkeypatch.setattr(live, "LAST", 0.05)
    monkeypatch.setattr(room.store, "get", lambda _: asyncio.sleep(3600))
    outcome(replica, "a")
    await replica.close()
    monkeypatch.undo()
    assert "the last figures of prompts were not written" in caplog.text


async def test_a_later_split_of_the_same_candidate_begins_with_new_figures(room: Room) -> None:
    replica = room.replica()
    await bad_candidate(room, [replica])
    await room.orders(replica).split("write", shares(v1_0_0=50, v1_1_0=50))
    for n in range(60):
        outcome(replica, f"again-{n}")
    await until(lambda: replica.figures.is_empty)
    split = replica.splits.current.splits["write"]
    assert (split.revision, split.candidates) == (2, ["1.1.0"])
    sheet = await replica.figures.sheet("write", "1.1.0")
    assert sheet.revisions["2"]["valid"] == sheet.revisions["2"]["answered"]
    assert sheet.revisions["1"]["valid"] == 0


async def test_contests_for_the_document_lose_no_change(room: Room) -> None:
    replicas = [room.replica() for _ in range(4)]
    await until(lambda: all(replica.splits._tables is not None for replica in replicas))
    await asyncio.gather(
        *(room.orders(replica).split("write", shares(v1_0_0=90, v1_1_0=10)) for replica in replicas)
    )
    splits = await replicas[0].splits.refresh()
    assert splits.revision == 4


async def test_the_splits_document_carries_its_version_and_the_shares(room: Room) -> None:
    replica = room.replica()
    await until(lambda: replica.splits._tables is not None)
    await room.orders(replica).split("write", shares(v1_0_0=90, v1_1_0=10))
    stored = await room.store.get("splits:writer")
    assert stored is not None
    document = json.loads(stored.data)
    assert document["v"] == 1
    assert Splits.model_validate(document).splits["write"].shares == {"1.0.0": 90, "1.1.0": 10}
