"""Fixtures of the kit: `pytest_plugins = ["infrastructure.testing.plugin"]` in the conftest.py at the root of the tests.

async def test_a_spec_becomes_code(platform, model):
    model.answer(generate_code=CODE)
    p = await platform(AGENT)
    out = await p.publish(SpecGenerated(...))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from agents.runtime.agent import Agent
from infrastructure import testing
from infrastructure.testing.cassette import Cassette

Start: TypeAlias = Callable[..., Awaitable[testing.Platform]]


@pytest.fixture
def model() -> testing.Model:
    """A model that answers by schema until it is told what to answer; the `platform` fixture uses it."""
    return testing.Model()


@pytest_asyncio.fixture
async def platform(model: testing.Model) -> AsyncIterator[Start]:
    """Starts platforms, with the options of `infrastructure.testing.platform`; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(*agents: Agent, **options: Any) -> testing.Platform:
            return await stack.enter_async_context(testing.platform(*agents, **{"model": model, **options}))

        yield start


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Cassette:
    """Of this test, at `cassettes/<module>/<test>.yaml` beside its module."""
    module = Path(request.node.path)
    name = "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in request.node.name)
    return Cassette(module.parent / "cassettes" / module.stem / f"{name}.yaml")
