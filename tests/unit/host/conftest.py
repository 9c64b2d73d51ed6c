from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.host.hosted import Hosted, hosted
from tests.unit.runtime.sample import Sample


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest.fixture
async def api(sample: Sample) -> AsyncIterator[Hosted]:
    """The agent that shouts."""
    async with hosted(sample.agent) as running:
        yield running
