"""The kills, and what is particular to PostgreSQL, with the documents there and 100 chains each.

`python -m tests.faults --components postgres` runs all rows that there are on it, with 1,000.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cli.local.provision.run import Programs
from tests.faults.components import COMPONENTS
from tests.faults.rows import Row, rows_on
from tests.faults.suite import Suite, suite
from tests.faults.test_faults import say

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.stores,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),
]
SEED = random.SystemRandom().randrange(1_000_000)
CHAINS = 100
ON = "postgres"
NAMES = ["a", "b", "c", "e", "k", "pg-killed", "pg-frozen"]
"""Rows that share a start of the system."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacked(programs: Programs) -> AsyncIterator[Suite]:
    assert programs.daprd is not None
    async with suite(SEED, say, COMPONENTS[ON]) as running:
        yield running


@pytest.mark.parametrize("row", [rows_on(ON)[name] for name in NAMES], ids=lambda row: row.name)
async def test_nothing_is_lost_and_nothing_is_seen_twice(attacked: Suite, row: Row) -> None:
    figures = await attacked.run(row, chains=CHAINS, seed=SEED)
    assert not figures.problems, str(figures)


async def test_nothing_is_seen_twice_later_on(attacked: Suite) -> None:
    assert await attacked.late() == []
