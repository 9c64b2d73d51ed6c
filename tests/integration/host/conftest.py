from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.local.provision.run import Programs
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.processes import Redis, daprd


@pytest.fixture(scope="package")
def service_desk(
    programs: Programs, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgentProcess]:
    """The service desk on real daprd and Redis; nothing may break it, so one serves all tests."""
    folder = tmp_path_factory.mktemp("service-desk")
    assert programs.daprd is not None
    with (
        daprd(programs.daprd, folder, redis.port, app_id="service-desk") as sidecar,
        model_server() as model,
        agent_process("agents.service_desk:AGENT", folder, sidecar, model.url) as running,
    ):
        yield running
        assert running.process.popen.poll() is None
        assert "Traceback" not in running.log
