"""Budgets and limits of two replicas on real Redis, behind a real sidecar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import pytest

from domain.chat import ChatReply, Usage
from domain.errors import BudgetExceeded
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from infrastructure.llm.allowance import Allowance
from infrastructure.llm.catalogue.schema import Budget, Prices, Spending
from infrastructure.llm.spending.accounts import Passed
from infrastructure.llm.spending.costs import CostBook
from infrastructure.llm.spending.ledger import Ledger
from infrastructure.llm.spending.metering import MeteredModel
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry
from tests.support.processes import Daprd
from tests.unit.llm.asking import asked_by

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 22)


@pytest.fixture
def address(sidecar: Daprd) -> str:
    """Asked for before there is a loop: the programs are found on one of their own."""
    return sidecar.address


@pytest.fixture
async def store(address: str) -> AsyncIterator[DaprStateStore]:
    connection = Sidecar(address)
    yield DaprStateStore(connection, "agents-statestore")
    await connection.close()


async def test_two_replicas_spend_one_budget_and_write_one_account_of_it(store: DaprStateStore) -> None:
    agent = f"sample-{uuid4().hex[:8]}"
    told: list[Passed] = []

    async def tell(passed: Passed) -> None:
        told.append(passed)

    def replica() -> tuple[MeteredModel, Ledger, ScriptedModel]:
        spending = Spending(tokens=Budget(soft=1_000, hard=5_000))
        costs = CostBook(store, agent, "EUR")
        ledger = Ledger(
            agent,
            store,
            {"day": spending},
            costs,
            tell=tell,
            telemetry=MemoryTelemetry(),
            ttl=60,
            day=lambda: DAY,
        )
        asked = ScriptedModel(lambda _: ChatReply("ok", "m", Usage(9, 41)))
        return MeteredModel(asked, "big", Prices(input=1, output=1), ledger), ledger, asked

    async def busy(model: MeteredModel) -> None:
        refused = 0
        while refused < 3:
            try:
                await model.complete(asked_by())
            except BudgetExceeded:
                refused += 1
                await asyncio.sleep(1.2)

    (one, first, asked), (other, second, asked_too) = replica(), replica()
    await asyncio.gather(*(busy(model) for model in (one, other) for _ in range(3)))
    await asyncio.gather(first.close(), second.close())
    spent = 50 * (len(asked.requests) + len(asked_too.requests))
    assert 4_700 <= spent <= 5_000
    (line,) = await CostBook(store, agent, "EUR").lines(DAY, DAY)
    assert line.spent.calls == spent // 50
    assert line.spent.cost == pytest.approx(spent / 1e6)
    assert [(passed.resource, passed.bound) for passed in told] == [("tokens", 1_000.0)]


async def test_two_replicas_fill_one_bucket(store: DaprStateStore) -> None:
    now, key = asyncio.get_running_loop().time, f"rate:{uuid4().hex}:requests"
    replicas = [Allowance(store, key, 10.0, now) for _ in range(2)]
    sent, began = 0, now()

    async def take(allowance: Allowance) -> None:
        nonlocal sent
        ends = now() + 4
        while now() < ends:
            if wait := await allowance.take(1):
                await asyncio.sleep(wait)
            else:
                allowance.left -= 1
                sent += 1

    await asyncio.gather(*(take(allowance) for allowance in replicas))
    # A full bucket, the limit for as long as it took, and what each may take at a time.
    assert 100 <= sent <= 100 + 10 * (now() - began) + 15
