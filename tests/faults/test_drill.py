"""The disaster drill with few executions; `python -m tests.faults.drill` has 100,000."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from cli.local.provision.run import Programs
from tests.faults.components import COMPONENTS
from tests.faults.drill import KINDS, SETTINGS, drill
from tests.faults.suite import Suite, suite

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(programs: Programs) -> AsyncIterator[Suite]:
    assert programs.daprd is not None
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        say = partial(print, file=sys.stderr, flush=True)
        async with suite(1, say, COMPONENTS["redis"]) as running:
            yield running


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_disaster_all_that_was_accepted_before_the_backup_comes_through(
    system: Suite, kind: str
) -> None:
    """Without the loss of the disk that is all there was."""
    figures = await system.run(drill(kind, 500, []), chains=60, seed=1)
    assert not figures.problems, str(figures)
