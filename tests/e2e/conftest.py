from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cli.local.provision.cache import user_cache
from cli.local.provision.run import Programs
from tests.e2e.stand_ins import StandIns, stand_ins
from tests.e2e.system import System
from tests.support.postgres import postgres_server
from tests.support.postgres_programs import provide_postgres

ON = ["redis", *(pytest.param(name, marks=pytest.mark.stores) for name in ("azure-stand-ins", "postgres"))]


@contextmanager
def started(components: str, folder: Path, /, **environment: str) -> Iterator[System]:
    """With PostgreSQL a server of its own, which `agents up` does not start."""
    with ExitStack() as stack:
        if components == "postgres":
            programs = asyncio.run(provide_postgres(user_cache(os.environ)))
            server = stack.enter_context(postgres_server(programs, folder))
            environment["AGENTS_POSTGRES"] = server.connection
        system = System(folder / "run", AGENTS_COMPONENTS=components, **environment)
        stack.callback(system.down)
        system.up()
        yield system


@pytest.fixture(scope="session", params=ON)
def real_model(
    request: pytest.FixtureRequest, programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """Everything real: daprd, Ollama with its small model, mail by SMTP; and Redis, PostgreSQL beside it, or the stand-ins."""
    assert programs.daprd is not None
    with started(request.param, tmp_path_factory.mktemp("real-model")) as system:
        yield system


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
    with started(request.param, tmp_path_factory.mktemp("quick-model"), **outside.environment) as system:
        yield system
