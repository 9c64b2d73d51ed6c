from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import (
    AgentError,
    ModelFailsForInput,
    ModelRateLimited,
    ModelUnavailable,
    SidecarUnavailable,
)
from infrastructure.llm.allowance import Allowance
from infrastructure.llm.rate_limit import RateLimitedModel
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.state import MemoryStateStore
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import asked_by


def now() -> float:
    return asyncio.get_running_loop().time()


class Replica:
    """One process's share of a model's limits. `sent` are the times at which calls went out."""

    def __init__(
        self,
        store: MemoryStateStore,
        *,
        requests: int | None = None,
        tokens: int | None = None,
        parallel: int | None = None,
        skew: float = 0.0,
    ) -> None:
        self.sent: list[float] = []
        self.who: list[str] = []
        self.asked = ScriptedModel(self._answer)

        def allowance(name: str, a_minute: int | None) -> Allowance | None:
            return (
                a_minute and Allowance(store, f"rate:{name}", a_minute / 60, now, lambda: now() + skew)
            ) or None

        self.model = RateLimitedModel(
            self.asked,
            "big",
            requests=allowance("requests", requests),
            tokens=allowance("tokens", tokens),
            parallel=parallel,
        )

    def _answer(self, request: ChatRequest) -> ChatReply:
        self.sent.append(now())
        self.who.append(request.origin.task if request.origin else "")
        return ChatReply("ok", "m", Usage(9, 41))

    async def keep_asking(self, seconds: float, task: str = "shout") -> None:
        """As the runtime does: who is refused comes again when it was told to."""
        while now() < seconds:
            try:
                await self.model.complete(asked_by(task))
            except ModelRateLimited as error:
                await asyncio.sleep(error.retry_after or 1.0)


def most_in_a_minute(sent: list[float]) -> int:
    return max(sum(start <= at < start + 60 for at in sent) for start in sent)


@pytest.mark.parametrize(("replicas", "skew"), [(1, 0.0), (2, 0.0), (4, 3.0)])
def test_all_replicas_together_keep_the_limit_of_requests_and_use_it(replicas: int, skew: float) -> None:
    @in_virtual_time
    async def play() -> None:
        store = MemoryStateStore()
        all_of_them = [Replica(store, requests=600, skew=skew * number) for number in range(replicas)]
        await asyncio.gather(*(replica.keep_asking(180) for replica in all_of_them for _ in range(30)))
        sent = sorted(at for replica in all_of_them for at in replica.sent)
        assert 550 <= len([at for at in sent if 60 <= at < 120]) <= 650
        assert most_in_a_minute(sent) <= 600 * 7 / 6 + 10 * replicas + 10 * skew * replicas
        # A few times a second and replica, however many calls there are.
        assert sum(store.calls.values()) / 2 <= 180 * replicas * 5

    play()


@in_virtual_time
async def test_tokens_are_estimated_before_and_settled_after() -> None:
    # 59 are asked for, 50 are used: 3,000 a minute let 60 calls go, not 50.
    replica = Replica(MemoryStateStore(), tokens=3_000)
    await asyncio.gather(*(replica.keep_asking(300) for _ in range(10)))
    in_a_minute = len([at for at in replica.sent if 120 <= at < 180])
    assert 55 <= in_a_minute <= 62


@in_virtual_time
async def test_a_busy_task_starves_no_other_and_each_keeps_its_order() -> None:
    replica = Replica(MemoryStateStore(), requests=60)
    for _ in range(10):
        await replica.model.complete(asked_by("busy"))  # the bucket is empty now
    busy = [asyncio.create_task(replica.model.complete(asked_by("busy"))) for _ in range(5)]
    await asyncio.sleep(0.1)
    rare = [asyncio.create_task(replica.model.complete(asked_by("rare"))) for _ in range(2)]
    await asyncio.gather(*busy, *rare)
    assert replica.who[10:] == ["busy", "rare", "busy", "rare", "busy", "busy", "busy"]


@in_virtual_time
async def test_who_would_wait_too_long_is_told_when_to_come_back_and_nothing_is_asked() -> None:
    replica = Replica(MemoryStateStore(), requests=2)
    await replica.model.complete(asked_by())
    began, before = now(), len(replica.asked.requests)
    with pytest.raises(ModelRateLimited, match="the limits of big in the file of models") as refused:
        await replica.model.complete(asked_by())
    assert now() - began <= 10
    assert refused.value.retry_after is not None
    assert 10 < refused.value.retry_after <= 30
    assert len(replica.asked.requests) == before


@in_virtual_time
async def test_a_request_larger_than_the_bucket_goes_out_when_it_is_full_and_is_paid_for_later() -> None:
    replica = Replica(MemoryStateStore(), tokens=600)
    large = replace(asked_by(), max_tokens=300)
    replica.asked._script = lambda _: ChatReply("ok", "m", Usage(9, 291))
    await replica.model.complete(large)
    with pytest.raises(ModelRateLimited) as refused:
        await replica.model.complete(large)
    assert refused.value.retry_after is not None
    assert 20 < refused.value.retry_after <= 40


@in_virtual_time
async def test_only_so_many_run_at_a_time_and_who_leaves_frees_a_place() -> None:
    replica = Replica(MemoryStateStore(), parallel=2)
    replica.asked.delay = 1.0
    calls = [asyncio.create_task(replica.model.complete(asked_by())) for _ in range(6)]
    await asyncio.sleep(0.5)
    assert len(replica.asked.requests) == 2
    calls[0].cancel()
    calls[5].cancel()
    await asyncio.sleep(0.01)
    assert len(replica.asked.requests) == 3
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, ChatReply) for one in done) == 4
    assert replica.model._running == 0


@pytest.mark.parametrize("error", [ModelUnavailable("gone"), ModelFailsForInput("fails for this input")])
@in_virtual_time
async def test_a_model_that_fails_uses_up_no_tokens(error: AgentError) -> None:
    replica = Replica(MemoryStateStore(), tokens=600)
    replica.asked.down = error
    for _ in range(50):
        with pytest.raises(type(error)):
            await replica.model.complete(asked_by())
    assert now() == 0


class Flaky(MemoryStateStore):
    down = False

    async def _call(self, operation: str) -> None:
        if self.down:
            raise SidecarUnavailable("down")
        await super()._call(operation)


@in_virtual_time
async def test_while_the_store_is_down_each_replica_goes_on_with_its_last_share() -> None:
    store = Flaky()
    one, other = Replica(store, requests=600), Replica(store, requests=600)
    asking = [asyncio.create_task(replica.keep_asking(400)) for replica in (one, other) for _ in range(20)]
    await asyncio.sleep(120)
    store.down = True
    await asyncio.sleep(120)
    store.down = False
    await asyncio.gather(*asking)
    together = [at for at in one.sent + other.sent if 150 <= at < 210]
    assert 400 <= len(together) <= 800
    assert 500 <= len([at for at in one.sent + other.sent if 300 <= at < 360]) <= 700
    alone = Replica(store, requests=600)
    store.down = True
    await alone.keep_asking(now() + 60)
    assert 1 <= len(alone.sent) <= 100  # it had none: a tenth


@in_virtual_time
async def test_an_error_that_nobody_foresaw_is_the_callers_and_those_behind_have_their_turn() -> None:
    replica = Replica(MemoryStateStore(), requests=600)
    allowance = replica.model._requests
    assert allowance is not None
    clock, bugs = allowance.clock, [KeyError("of ours")]

    def broken_once() -> float:
        if bugs:
            raise bugs.pop()
        return clock()

    allowance.clock = broken_once
    began = now()
    answers = await asyncio.gather(
        *(replica.model.complete(asked_by()) for _ in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [KeyError, ChatReply, ChatReply]
    assert now() - began < 1
    await replica.model.close()
