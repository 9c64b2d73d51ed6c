from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.local.provision.run import Programs
from tests.e2e.stand_ins import StandIns, stand_ins
from tests.e2e.system import System


@pytest.fixture(scope="session")
def real_model(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Everything real: daprd, Redis, Ollama with its small model, mail by SMTP."""
    assert programs.daprd is not None
    system = System(tmp_path_factory.mktemp("run"))
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


@pytest.fixture(scope="session")
def quick_model(
    programs: Programs, outside: StandIns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """The same system with a quick model and a webhook, for what needs many chains."""
    assert programs.daprd is not None
    system = System(tmp_path_factory.mktemp("run"), **outside.environment)
    try:
        system.up()
        yield system
    finally:
        system.down()
