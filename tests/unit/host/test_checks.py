"""What a probe is told, and how soon, by checks that are made in the background."""

from __future__ import annotations

import asyncio
import time

import pytest

from domain.errors import SidecarUnavailable
from infrastructure.host import checks
from infrastructure.host.checks import Believed, Proven, write_proof
from infrastructure.memory.state import MemoryStateStore


class Checked:
    def __init__(self) -> None:
        self.problem: str | None = None
        self.takes = 0.0
        self.asked = 0

    async def __call__(self) -> str | None:
        self.asked += 1
        await asyncio.sleep(self.takes)
        return self.problem


async def test_good_news_is_believed_for_a_while() -> None:
    checked = Checked()
    believed = Believed(checked, every=10)
    assert [await believed() for _ in range(5)] == [None] * 5
    assert checked.asked == 1


async def test_bad_news_is_asked_again_at_each_probe() -> None:
    checked = Checked()
    believed = Believed(checked, every=10)
    checked.problem = "gone"
    assert await believed() == "gone"
    checked.problem = None
    assert await believed() is None
    assert checked.asked == 2


async def test_a_slow_check_keeps_no_probe_waiting() -> None:
    checked = Checked()
    believed = Believed(checked, every=0.01)
    assert await believed() is None
    checked.takes = 600.0
    await asyncio.sleep(0.02)
    begin = time.monotonic()
    for _ in range(10):
        assert await believed() is None
    assert time.monotonic() - begin < 100
    await asyncio.sleep(0)
    assert checked.asked == 2


async def test_what_never_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.1)
    checked = Checked()
    checked.takes = 60
    believed = Believed(checked, every=0.01)
    assert await believed() == "not asked yet"
    await asyncio.sleep(0.12)
    assert await believed() == "not asked yet"
    await asyncio.sleep(0.12)
    assert await believed() == "no answer within 0.1 s, 2 times"


async def test_one_answer_that_is_late_makes_nothing_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.1)
    checked = Checked()
    believed = Believed(checked, every=0.01)
    assert await believed() is None
    checked.takes = 60
    await asyncio.sleep(0.02)
    assert await believed() is None
    await asyncio.sleep(0.12)
    checked.takes = 0
    assert await believed() is None
    await asyncio.sleep(0.01)
    checked.takes = 60
    for _ in range(3):
        await asyncio.sleep(0.12)
        last = await believed()
    assert last == "no answer within 0.1 s, 2 times"


async def test_a_check_that_raises_is_told_without_what_it_said() -> None:
    async def broken() -> str | None:
        raise KeyError("a secret")

    assert await Believed(broken, every=1)() == "the check failed with KeyError; see the log"


async def test_what_is_proven_once_is_not_asked_again() -> None:
    checked = Checked()
    checked.problem = "another partition key"
    proven = Proven(checked)
    assert [await proven() for _ in range(3)] == ["another partition key"] * 3
    checked.problem = None
    assert [await proven() for _ in range(5)] == [None] * 5
    assert checked.asked == 4


async def test_a_store_that_takes_nothing_is_told_in_its_own_words() -> None:
    class Closed(MemoryStateStore):
        async def put(self, *_: object, **__: object) -> None:
            raise SidecarUnavailable("write proof:devops: refused; the partition key has to be /partitionKey")

    assert await write_proof(MemoryStateStore(), "devops") is None
    problem = await write_proof(Closed(), "devops")
    assert (
        problem
        == "nothing can be written: write proof:devops: refused; the partition key has to be /partitionKey"
    )
