"""A store that is interrupted: what it was writing, and who has to stop meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from domain.errors import SidecarUnavailable
from infrastructure.memory.state import MemoryStateStore
from infrastructure.testing.platform import MemoryPlatform
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.runtime.sample import Sample, said


class Interrupted(MemoryStateStore):
    """The first write of every key lands without the end of its time, and nobody is told so: as on Dapr's Redis, which writes
    and then sets the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun: set[str] = set()

    @property
    def without_end(self) -> list[str]:
        return [key for key, (_, _, end) in self._documents._documents.items() if end is None]

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        if key in self.begun:
            return await super().create(key, data, ttl=ttl)
        self.begun.add(key)
        await super().create(key, data, ttl=None)
        raise SidecarUnavailable("interrupted")

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        if {key for key, _ in items} <= self.begun:
            await super().put(items, ttl=ttl)
            return
        self.begun |= {key for key, _ in items}
        await super().put(items, ttl=None)
        raise SidecarUnavailable("interrupted")


@in_virtual_time
async def test_what_was_written_half_gets_the_end_of_its_time() -> None:
    platform, store = MemoryPlatform([Sample(changes=False).agent]), Interrupted()
    platform.stores["sample"] = store
    async with platform:
        platform.publish(said("hello"))
        await asyncio.sleep(5)
    assert {"claim", "execution", "published"} <= {key.partition(":")[0] for key in store.begun}
    assert store.without_end == []
    assert [event.data["word"] for event in platform.events if event.type.endswith("shouted")] == ["HELLO"]


@in_virtual_time
async def test_a_store_that_hangs_does_not_keep_a_process_from_ending() -> None:
    sample = Sample(changes=False)
    async with MemoryPlatform([sample.agent]) as platform:
        platform.publish(said("hello"))
        platform.publish(said("again", event_id="2", slow=60.0))
        await asyncio.sleep(0.05)
        store = platform.stores["sample"]

        async def hangs(*_: object, **__: object) -> None:
            await asyncio.sleep(3600)

        for operation in ("get", "create", "swap", "put"):
            setattr(store, operation, hangs)
        began = asyncio.get_running_loop().time()
        await platform.services["sample"].runner.drain(grace=4.0)
        assert asyncio.get_running_loop().time() - began <= 7.0


async def test_all_who_ask_for_the_same_work_at_once_and_wait_for_nothing_are_told_that_it_is_accepted() -> (
    None
):
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        service = platform.services["sample"]
        asking = (
            service.submit(
                sample.agent.tasks["shout"], {"word": "hi"}, key="k", correlation_id=None, patience=0
            )
            for _ in range(20)
        )
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert [answer for answer in answers if isinstance(answer, BaseException)] == []
        await platform.quiet(1.0)
        assert len(sample.runs) == 1
