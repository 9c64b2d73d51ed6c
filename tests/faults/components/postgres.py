"""Redis streams for the events, and the documents in a PostgreSQL beside the system."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from cli.deployed import GENERATED, POSTGRES
from cli.local.provision.cache import user_cache
from tests.faults.components.redis import OnRedis
from tests.support.postgres import Postgres, postgres_server
from tests.support.postgres_programs import VERSION, provide_postgres


class OnPostgres(OnRedis):
    name, manifest = POSTGRES, GENERATED[1]
    server: Postgres

    @asynccontextmanager
    async def beside(self, folder: Path) -> AsyncIterator[Mapping[str, str]]:
        data = folder / "postgres"
        data.mkdir(parents=True)
        programs = await provide_postgres(user_cache(os.environ))
        with postgres_server(programs, data) as self.server:
            yield {"AGENTS_POSTGRES": self.server.connection}

    def versions(self, offset: int) -> dict[str, str]:
        return {**super().versions(offset), "PostgreSQL": VERSION}
