from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.local.provision.run import Programs
from tests.e2e.stand_ins import StandIns, stand_ins
from tests.e2e.system import System

ON = ["redis", pytest.param("azure-stand-ins", marks=pytest.mark.stores)]


@pytest.fixture(scope="session", params=ON)
def real_model(
    request: pytest.FixtureRequest, programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything real: daprd, Ollama with its small model, mail by SMTP; and Redis, or the stand-ins."""
    assert programs.daprd is not None
    system = System(tmp_path_factory.mktemp("run"), AGENTS_COMPONENTS=request.param)
    try:
        system.up()
        yield system
    finally:
        system.down()


@pytest.fixture(scope="session")
def outside() -> Iterator[StandIns]:
    """A model server that answers at once and a webhook receiver: both count from outside."""
    with stand_ins() as running:
        yield running


@pytest.fixture(scope="session", params=ON)
def quick_model(
    request: pytest.FixtureRequest,
    programs: Programs,
    outside: StandIns,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """The same system with a quick model and a webhook, for what needs many chains."""
    assert programs.daprd is not None
    system = System(tmp_path_factory.mktemp("run"), AGENTS_COMPONENTS=request.param, **outside.environment)
    try:
        system.up()
        yield system
    finally:
        system.down()
