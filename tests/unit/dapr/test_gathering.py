from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from domain.errors import SidecarUnavailable, TooLarge
from infrastructure.dapr.gathering import ALONE_FOR, MOST, MOST_BYTES, Gathering
from infrastructure.dapr.sidecar import Refused, Unreachable
from infrastructure.testing.virtual_time import in_virtual_time


class Far:
    """The other side of the calls: each takes a moment, and is refused when it carries what `refuses` names."""

    def __init__(self, refuses: dict[str, Exception] | None = None) -> None:
        self.calls: list[list[str]] = []
        self.answered = 0
        self.refuses = refuses or {}

    async def __call__(self, items: Sequence[str]) -> None:
        self.calls.append(list(items))
        await asyncio.sleep(0.01)
        self.answered += 1
        for item in items:
            if item in self.refuses:
                raise self.refuses[item]


async def send(gathering: Gathering[str], *items: str, size: int = 1) -> list[BaseException | None]:
    return await asyncio.gather(*(gathering.send(item, item, size) for item in items), return_exceptions=True)


async def test_what_is_asked_for_while_a_call_is_on_its_way_goes_together_in_the_next() -> None:
    far = Far()
    gathering = Gathering(far)
    first = asyncio.create_task(send(gathering, "a"))
    await asyncio.sleep(0.005)
    await send(gathering, "b", "c", "d")
    assert await first == [None]
    assert far.calls == [["a"], ["b", "c", "d"]]


async def test_one_after_the_other_each_goes_alone_and_at_once() -> None:
    far = Far()
    gathering = Gathering(far)
    await send(gathering, "a")
    await send(gathering, "b")
    assert far.calls == [["a"], ["b"]]


async def test_a_refused_call_is_made_again_for_each_alone_and_each_gets_its_own_answer() -> None:
    refused, too_large = Refused("etag"), TooLarge("3 MB")
    far = Far({"b": refused, "c": too_large})
    assert await send(Gathering(far), "a", "b", "c", "d") == [None, refused, too_large, None]
    assert far.calls == [["a", "b", "c", "d"], ["a"], ["b"], ["c"], ["d"]]


async def test_a_store_that_is_down_behind_a_sidecar_that_is_up_is_asked_for_each_alone() -> None:
    down = SidecarUnavailable("internal: redis: connection refused")
    far = Far({"a": down, "b": down})
    assert await send(Gathering(far), "a", "b") == [down, down]
    assert far.calls == [["a", "b"], ["a"], ["b"]]


@pytest.mark.parametrize("error", [Unreachable("deadline exceeded"), RuntimeError("a bug")])
async def test_a_sidecar_that_does_not_answer_is_not_asked_again_for_each(error: Exception) -> None:
    far = Far({"a": error})
    assert await send(Gathering(far), "a", "b") == [error, error]
    assert far.calls == [["a", "b"]]


async def test_after_a_failure_the_next_are_sent() -> None:
    far = Far({"a": Unreachable("gone")})
    gathering = Gathering(far)
    await send(gathering, "a")
    assert await send(gathering, "b") == [None]


async def test_two_of_one_key_never_share_a_call() -> None:
    far = Far({"mine": Refused("there is one")})
    gathering = Gathering(far)
    await asyncio.gather(
        gathering.send("key", "yours", 1), gathering.send("key", "mine", 1), return_exceptions=True
    )
    assert sorted(far.calls) == [["mine"], ["yours"]]


async def test_a_call_carries_at_most_so_many() -> None:
    far = Far()
    await send(Gathering(far), *(str(number) for number in range(MOST + 1)))
    assert [len(call) for call in far.calls] == [MOST, 1]


async def test_large_ones_do_not_share_a_call() -> None:
    far = Far()
    await send(Gathering(far), "a", "b", size=MOST_BYTES)
    assert far.calls == [["a"], ["b"]]


async def test_what_is_there_after_a_refusal_is_asked_for_and_only_what_is_absent_is_sent_again() -> None:
    refused = Refused("etag")
    far = Far({"theirs": refused, "absent": refused})

    async def there(items: Sequence[str]) -> list[bool | None]:
        del far.refuses["absent"]
        return [{"mine": True, "theirs": False}.get(item) for item in items]

    assert await send(Gathering(far, there=there), "mine", "theirs", "absent") == [None, refused, None]
    assert far.calls == [["mine", "theirs", "absent"], ["absent"]]


async def test_when_nobody_can_say_what_is_there_each_is_told_so() -> None:
    gone = Unreachable("gone")

    async def there(_: Sequence[str]) -> list[bool | None]:
        raise gone

    assert await send(Gathering(Far({"a": Refused("etag")}), there=there), "a", "b") == [gone, gone]


@in_virtual_time
async def test_a_slow_call_holds_up_nobody_but_its_own_company() -> None:
    loop, slow = asyncio.get_running_loop(), asyncio.Event()

    async def call(items: Sequence[str]) -> None:
        if "slow" in items:
            await slow.wait()

    gathering = Gathering(call)
    held = asyncio.create_task(send(gathering, "slow", "beside it"))
    await asyncio.sleep(0.01)
    began = loop.time()
    assert await send(gathering, "a", "b") == [None, None]
    assert loop.time() - began < 0.1
    slow.set()
    assert await held == [None, None]


@in_virtual_time
async def test_after_several_were_not_answered_each_goes_alone_for_a_while() -> None:
    """One that hangs would otherwise have a different company time out each time."""
    far = Far({"hangs": Unreachable("deadline exceeded")})
    gathering = Gathering(far)
    await send(gathering, "hangs", "a", "b")
    assert await send(gathering, "a", "b") == [None, None]
    await asyncio.sleep(ALONE_FOR)
    await send(gathering, "a", "b")
    assert far.calls == [["hangs", "a", "b"], ["a"], ["b"], ["a", "b"]]


async def test_who_is_cancelled_before_the_call_is_not_sent() -> None:
    far = Far()
    gathering = Gathering(far)
    first = asyncio.create_task(send(gathering, "a"))
    await asyncio.sleep(0.005)
    late = asyncio.create_task(gathering.send("b", "b", 1))
    await asyncio.sleep(0)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await first
    assert far.calls == [["a"]]


async def test_who_is_cancelled_during_the_call_stays_until_its_answer() -> None:
    """A claim must not be written after it was handed back."""
    far = Far()
    asked = asyncio.create_task(Gathering(far).send("a", "a", 1))
    await asyncio.sleep(0.005)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert far.answered == 1


async def test_who_is_cancelled_stays_also_when_another_of_its_key_waits() -> None:
    far = Far()
    gathering = Gathering(far)
    first = asyncio.create_task(gathering.send("key", "first", 1))
    second = asyncio.create_task(gathering.send("key", "second", 1))
    await asyncio.sleep(0.005)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    assert far.answered == 2


async def test_a_call_belongs_to_the_trace_of_none_of_its_items() -> None:
    trace: ContextVar[str] = ContextVar("trace", default="none")
    seen: list[str] = []

    async def call(items: Sequence[str]) -> None:
        seen.append(trace.get())

    gathering = Gathering(call)
    trace.set("an item's")
    await send(gathering, "a", "b")
    await asyncio.gather(gathering.send("key", "first", 1), gathering.send("key", "second", 1))
    assert set(seen) == {"none"}


def test_a_loop_ends_while_a_call_is_on_its_way_and_others_wait() -> None:
    async def call(_: Sequence[str]) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        gathering = Gathering(call)
        asking = [asyncio.create_task(gathering.send(item, item, 1)) for item in "ab"]
        await asyncio.sleep(0.01)
        asking.append(asyncio.create_task(gathering.send("c", "c", 1)))
        await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(main(), 60))
