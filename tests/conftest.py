from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from rich.console import Console

from cli.local.provision.cache import user_cache
from cli.local.provision.run import Programs, Wanted, provision
from tests.support.azure import OnAzure, on_azure
from tests.support.postgres import Postgres, on_postgres, postgres_server
from tests.support.postgres_programs import provide_postgres
from tests.support.processes import Daprd, Redis, daprd, redis_server

pytest_plugins = [
    "infrastructure.testing.plugin",
    "tests.integration.ollama",
    "tests.stand_ins.no_paid_services",
    "tests.support.no_planted_secrets",
    "tests.support.workers",
]
# What whoever types `pytest` has set for a system of his own: a test's `agents down`, `reset` or `replay-all` would go there.
for _name in [name for name in os.environ if name.startswith("AGENTS_")]:
    del os.environ[_name]
# An example may take as long as the machine makes it.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The real programs, found or built exactly as `agents up` does; a minute's work at most after `make test` built them."""
    return asyncio.run(provision(Wanted(dapr_cli=True), os.environ, Console(stderr=True)))


@pytest.fixture(scope="session")
def redis(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    assert programs.redis_server is not None
    with redis_server(programs.redis_server, tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def sidecar(programs: Programs, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daprd]:
    assert programs.daprd is not None
    with daprd(programs.daprd, tmp_path_factory.mktemp("daprd"), redis.port) as running:
        yield running


@pytest.fixture(scope="session")
def azure(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnAzure]:
    """A sidecar on the stand-ins of Service Bus and Cosmos DB."""
    assert programs.daprd is not None
    with on_azure(programs.daprd, tmp_path_factory.mktemp("azure"), {}) as running:
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    folder = tmp_path_factory.mktemp("postgres")
    with postgres_server(asyncio.run(provide_postgres(user_cache(os.environ))), folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_sidecar(
    programs: Programs, redis: Redis, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daprd]:
    """A sidecar whose documents are in a real PostgreSQL."""
    assert programs.daprd is not None
    folder = tmp_path_factory.mktemp("on-postgres")
    with on_postgres(programs.daprd, folder, redis.port, postgres) as running:
        yield running


@pytest.fixture
def own_redis(programs: Programs, tmp_path: Path) -> Iterator[Redis]:
    """One that a test may kill, freeze or fill."""
    assert programs.redis_server is not None
    with redis_server(programs.redis_server, tmp_path) as server:
        yield server
