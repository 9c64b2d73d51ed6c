"""Every fault that there is on the stand-ins of Service Bus and Cosmos DB, with 50 chains each; `python -m tests.faults
--components azure-stand-ins` runs them with 1,000.
"""

from __future__ import annotations

import gc
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cli.local.provision.run import Programs
from tests.faults.components import COMPONENTS
from tests.faults.rows import Row, rows_on
from tests.faults.rows.network import NO_FAKETIME
from tests.faults.suite import Suite, suite
from tests.faults.system import faketime
from tests.faults.test_faults import say

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.stores,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),
    # Microsoft's client leaves the sockets of connections that were cut to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEED = random.SystemRandom().randrange(1_000_000)
CHAINS = 50
ON = "azure-stand-ins"
ORDER = sorted(rows_on(ON).values(), key=lambda row: str(row.options))
"""Rows that share a start of the system come one after the other."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacked(programs: Programs) -> AsyncIterator[Suite]:
    assert programs.daprd is not None
    async with suite(SEED, say, COMPONENTS[ON]) as running:
        yield running
    gc.collect()  # while what is said of it is still passed over


@pytest.mark.parametrize("row", ORDER, ids=lambda row: row.name)
async def test_nothing_is_lost_or_seen_twice_and_the_broker_gives_no_good_event_up(
    attacked: Suite, row: Row
) -> None:
    if row.name == "n" and faketime() is None:
        pytest.skip(NO_FAKETIME)
    figures = await attacked.run(row, chains=CHAINS, seed=SEED)
    assert not figures.problems, str(figures)
    assert figures.given_up == 0


async def test_nothing_is_seen_twice_later_on(attacked: Suite) -> None:
    assert await attacked.late() == []
