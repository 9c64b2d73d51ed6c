"""Budgets: nothing is spent beyond a hard one, however many replicas share it; a soft one is told of once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

import pytest

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import BudgetExceeded, ModelTruncated, ModelUnavailable, SidecarUnavailable
from infrastructure.llm.catalogue.schema import Budget, Prices, Scope, Spending
from infrastructure.llm.spending.accounts import Passed
from infrastructure.llm.spending.costs import CostBook
from infrastructure.llm.spending.ledger import AT_ONCE, Ledger
from infrastructure.llm.spending.metering import MeteredModel
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import REQUEST, asked_by

DAY = date(2026, 11, 22)
PRICES = Prices(input=1.0, output=2.0, cached_input=0.5)


class Replica:
    """One process's share of the budgets, on a store that others share."""

    def __init__(
        self,
        store: MemoryStateStore,
        budgets: dict[Scope, Spending],
        *,
        agent: str = "sample",
        model: ScriptedModel | None = None,
        day: Callable[[], date] = lambda: DAY,
    ) -> None:
        self.told: list[Passed] = []
        self.telemetry = MemoryTelemetry()
        self.costs = CostBook(store, agent, "EUR")

        self.broker_is_down = False
        self.bug: Exception | None = None

        async def tell(passed: Passed) -> None:
            if self.bug:
                raise self.bug
            if self.broker_is_down:
                raise SidecarUnavailable("no broker")
            self.told.append(passed)

        self.ledger = Ledger(
            agent, store, budgets, self.costs, tell=tell, telemetry=self.telemetry, ttl=3600, day=day
        )
        self.asked = model or ScriptedModel(lambda _: ChatReply("ok", "m", Usage(60, 40)))
        self.model = MeteredModel(self.asked, "big", PRICES, self.ledger)


async def ask_until_refused(replica: Replica, request: ChatRequest = REQUEST, most: int = 1000) -> int:
    for answered in range(most):
        try:
            await replica.model.complete(request)
        except BudgetExceeded:
            return answered
    return most


@in_virtual_time
async def test_a_hard_budget_of_calls_ends_an_execution_and_says_so() -> None:
    replica = Replica(MemoryStateStore(), {"execution": Spending(calls=Budget(hard=3))})
    assert await ask_until_refused(replica, asked_by()) == 3
    with pytest.raises(
        BudgetExceeded,
        match=r"of this execution \(e1\) is used up: of 3 calls 0 are left .*Raise budgets\.execution\.calls",
    ):
        await replica.model.complete(asked_by())
    assert await ask_until_refused(replica, asked_by(execution="e2")) == 3
    assert (
        replica.telemetry.counted("agents.budget.exceeded", bound="hard", scope="execution", resource="calls")
        == 3
    )
    await replica.ledger.close()


@in_virtual_time
async def test_an_execution_that_another_replica_takes_over_has_spent_what_it_had_spent() -> None:
    store = MemoryStateStore()
    budgets: dict[Scope, Spending] = {"execution": Spending(calls=Budget(hard=5))}
    first, second = Replica(store, budgets), Replica(store, budgets)
    for _ in range(3):
        await first.model.complete(asked_by())
    # The first one dies now, without having flushed.
    assert await ask_until_refused(second, asked_by()) == 2
    await first.ledger.close()
    await second.ledger.close()


@pytest.mark.parametrize("replicas", [1, 2, 5])
def test_all_replicas_together_never_spend_more_than_a_days_budget(replicas: int) -> None:
    @in_virtual_time
    async def play() -> None:
        store = MemoryStateStore()
        budgets: dict[Scope, Spending] = {"day": Spending(tokens=Budget(hard=20_000))}
        all_of_them = [Replica(store, budgets) for _ in range(replicas)]
        for replica in all_of_them:
            replica.asked._script = lambda _: ChatReply("ok", "m", Usage(9, 41))
            replica.asked.delay = 0.2

        async def busy(replica: Replica) -> None:
            refused = 0
            while refused < 5:
                try:
                    await replica.model.complete(asked_by())
                except BudgetExceeded:
                    refused += 1
                    await asyncio.sleep(1.5)

        await asyncio.gather(*(busy(replica) for replica in all_of_them for _ in range(4)))
        spent = 50 * sum(len(replica.asked.requests) for replica in all_of_them)
        assert 19_500 <= spent <= 20_000
        for replica in all_of_them:
            await replica.ledger.close()

    play()


@in_virtual_time
async def test_two_agents_share_the_budget_of_a_chain() -> None:
    store = MemoryStateStore()
    budgets: dict[Scope, Spending] = {"chain": Spending(calls=Budget(hard=4))}
    one, other = Replica(store, budgets, agent="one"), Replica(store, budgets, agent="other")
    assert await ask_until_refused(one, asked_by(chain="c"), most=3) == 3
    assert await ask_until_refused(other, asked_by(chain="c", execution="e2")) == 1
    assert await ask_until_refused(other, asked_by(chain="d", execution="e3")) == 4
    await one.ledger.close()
    await other.ledger.close()


@in_virtual_time
async def test_a_soft_budget_is_told_of_once_by_one_replica_and_stops_nothing() -> None:
    store = MemoryStateStore()
    budgets: dict[Scope, Spending] = {"day": Spending(tokens=Budget(soft=250))}
    one, other = Replica(store, budgets), Replica(store, budgets)
    for turn in range(5):
        await one.model.complete(asked_by())
        await other.model.complete(asked_by())
        assert turn > 0 or set(store.calls.values()) == {0}  # nothing is asked before a call
        await asyncio.sleep(2)
    told = one.told + other.told
    assert [(p.scope, p.period, p.resource, p.bound) for p in told] == [
        ("day", "2026-11-22", "tokens", 250.0)
    ]
    assert told[0].spent > 250
    assert sum(r.telemetry.counted("agents.budget.exceeded", bound="soft") for r in (one, other)) == 1
    await one.ledger.close()
    await other.ledger.close()


@in_virtual_time
async def test_a_soft_budget_is_told_of_by_another_when_whoever_passed_it_died_before_it_was_out() -> None:
    store = MemoryStateStore()
    budgets: dict[Scope, Spending] = {"execution": Spending(calls=Budget(soft=1))}
    first, second = Replica(store, budgets), Replica(store, budgets)
    first.broker_is_down = True
    for _ in range(2):
        await first.model.complete(asked_by())
    await first.ledger.flush()
    # The first one dies now: what it wrote is there, its event is not.
    await second.model.complete(asked_by())
    await asyncio.sleep(5)
    assert [(passed.period, passed.resource, passed.spent) for passed in second.told] == [
        ("e1", "calls", 3.0)
    ]
    await second.model.complete(asked_by())
    await second.ledger.close()
    assert len(second.told) == 1
    assert first.told == []
    await first.ledger.close()


@in_virtual_time
async def test_a_soft_budget_is_told_of_once_the_broker_takes_it_and_costs_do_not_wait_for_that() -> None:
    replica = Replica(MemoryStateStore(), {"execution": Spending(calls=Budget(soft=1))})
    replica.broker_is_down = True
    for _ in range(2):
        await replica.model.complete(asked_by())
    await asyncio.sleep(5)
    (line,) = await replica.costs.lines(DAY, DAY)
    assert line.spent.calls == 2
    assert replica.telemetry.counted("agents.budget.exceeded", bound="soft") == 0
    replica.broker_is_down = False
    await asyncio.sleep(5)
    assert len(replica.told) == 1
    assert replica.telemetry.counted("agents.budget.exceeded", bound="soft") == 1
    assert replica.ledger._accounts == {}
    await replica.ledger.close()


@in_virtual_time
async def test_accounts_are_written_several_at_a_time_and_never_more() -> None:
    at_work = [0]

    class Slow(MemoryStateStore):
        async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
            at_work.append(at_work[-1] + 1)
            await asyncio.sleep(1)
            at_work.append(at_work[-1] - 1)
            return await super().create(key, data, ttl=ttl)

    replica = Replica(Slow(), {"execution": Spending(calls=Budget(soft=9))})
    for number in range(3 * AT_ONCE):
        await replica.model.complete(asked_by(execution=f"e{number}"))
    await replica.ledger.flush()
    assert max(at_work) == AT_ONCE
    assert replica.ledger._accounts == {}
    await replica.ledger.close()


@in_virtual_time
async def test_a_new_day_has_a_new_budget() -> None:
    current = DAY

    def day() -> date:
        return current

    replica = Replica(MemoryStateStore(), {"day": Spending(calls=Budget(hard=2))}, day=day)
    assert await ask_until_refused(replica) == 2
    current = date(2026, 11, 23)
    assert await ask_until_refused(replica) == 2
    await replica.ledger.close()


@in_virtual_time
async def test_what_a_call_did_not_need_serves_the_next_one() -> None:
    # 50 tokens may be written, 40 are; the input is estimated at 9.
    model = ScriptedModel(lambda _: ChatReply("ok", "m", Usage(5, 5)))
    replica = Replica(MemoryStateStore(), {"execution": Spending(tokens=Budget(hard=100))}, model=model)
    assert await ask_until_refused(replica, asked_by()) == 5
    await replica.ledger.close()


@in_virtual_time
async def test_a_call_that_failed_costs_what_it_is_known_to_have_cost() -> None:
    script: list[Scripted] = [
        ModelUnavailable("gone"),
        ModelTruncated("cut off"),
        ChatReply("ok", "m", Usage(1_000_000, 50, 200_000)),
    ]
    replica = Replica(MemoryStateStore(), {}, model=ScriptedModel(script))
    with pytest.raises(ModelUnavailable):
        await replica.model.complete(asked_by())
    with pytest.raises(ModelTruncated):
        await replica.model.complete(asked_by())
    reply = await replica.model.complete(asked_by())
    assert reply.cost == pytest.approx(0.8 + 0.1 + 0.0001)
    await replica.ledger.flush()
    (line,) = await replica.costs.lines(DAY, DAY)
    assert (line.task, line.model) == ("shout", "big")
    assert (line.spent.calls, line.spent.output_tokens) == (2, 100)
    await replica.ledger.close()


class Flaky(MemoryStateStore):
    """Down while told; or it writes and does not say so."""

    down = False
    silent = 0

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        return await self._answer(await super().swap(key, data, etag, ttl=ttl))

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        return await self._answer(await super().create(key, data, ttl=ttl))

    async def _call(self, operation: str) -> None:
        if self.down:
            raise SidecarUnavailable("down")
        await super()._call(operation)

    async def _answer(self, written: bool) -> bool:
        if self.silent:
            self.silent -= 1
            raise SidecarUnavailable("no answer")
        return written


@in_virtual_time
async def test_what_was_counted_while_the_store_was_down_is_written_once_when_it_is_back() -> None:
    store = Flaky()
    replica = Replica(store, {"day": Spending(tokens=Budget(soft=50))})
    store.down = True
    for _ in range(3):
        await replica.model.complete(asked_by())
        await asyncio.sleep(2)
    store.down, store.silent = False, 3
    await asyncio.sleep(10)
    (line,) = await replica.costs.lines(DAY, DAY)
    assert (line.task, line.model, line.spent.calls) == ("shout", "big", 3)
    assert (line.spent.input_tokens, line.spent.output_tokens) == (180, 120)
    assert line.spent.cost == pytest.approx(0.00042)
    assert len(replica.told) == 1
    assert replica.told[0].spent == 100  # what the first batch brought
    assert replica.ledger._accounts == {}
    await replica.ledger.close()


@in_virtual_time
async def test_an_account_that_cannot_be_read_holds_up_no_other_and_no_costs() -> None:
    store = MemoryStateStore()
    budgets: dict[Scope, Spending] = {
        scope: Spending(tokens=Budget(soft=50)) for scope in ("execution", "day")
    }
    replica = Replica(store, budgets)
    await store.create("budget:execution:sample:e1", b'{"v": 2, "marks": []}', ttl=None)
    await replica.model.complete(asked_by())
    await asyncio.sleep(2)
    assert [passed.scope for passed in replica.told] == ["day"]
    (line,) = await replica.costs.lines(DAY, DAY)
    assert line.spent.calls == 1
    await replica.ledger.close()


@in_virtual_time
async def test_what_nobody_foresaw_is_logged_once_and_ends_no_writing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replica = Replica(
        MemoryStateStore(),
        {"execution": Spending(calls=Budget(soft=1)), "day": Spending(calls=Budget(soft=9))},
    )
    replica.bug = KeyError("of ours")
    for _ in range(2):
        await replica.model.complete(asked_by())
    await asyncio.sleep(5)
    assert caplog.text.count("what the models cost is written later: 'of ours'") == 1
    assert "Traceback" in caplog.text
    (line,) = await replica.costs.lines(DAY, DAY)
    assert line.spent.calls == 2
    assert list(replica.ledger._accounts) == ["budget:execution:sample:e1"]
    replica.bug = None
    await asyncio.sleep(5)
    assert len(replica.told) == 1
    assert replica.ledger._accounts == {}
    await replica.ledger.close()


@in_virtual_time
async def test_a_hard_budget_that_cannot_be_asked_lets_the_work_wait() -> None:
    store = Flaky()
    store.down = True
    replica = Replica(store, {"chain": Spending(calls=Budget(hard=4))})
    with pytest.raises(SidecarUnavailable):
        await replica.model.complete(asked_by())
    assert replica.asked.requests == []
    store.down = False
    assert await ask_until_refused(replica, asked_by()) == 4
    await replica.ledger.close()


@in_virtual_time
async def test_costs_of_two_replicas_add_up_by_day_task_and_model() -> None:
    store = MemoryStateStore()
    one, other = Replica(store, {}), Replica(store, {})
    await asyncio.gather(
        *(replica.model.complete(asked_by(task)) for replica in (one, other) for task in ("a", "b", "b"))
    )
    await asyncio.gather(one.ledger.close(), other.ledger.close())
    lines = await one.costs.lines(date(2026, 11, 20), DAY)
    assert [(line.day, line.task, line.model, line.spent.calls) for line in lines] == [
        (DAY, "a", "big", 2),
        (DAY, "b", "big", 4),
    ]
