"""Redis, the sidecar and the app itself go away, and come back: what the caller is told, and that the work is done."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.processes import daprd, redis_server
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TICKET = {"title": "No network", "description": "Nothing connects.", "reporter": "maria"}


class Outage:
    """The service desk with a Redis and a sidecar that a test may end and start again, on the same ports."""

    def __init__(self, programs: Programs, folder: Path, stack: ExitStack) -> None:
        assert programs.redis_server is not None
        assert programs.daprd is not None
        self._redis, self._daprd = programs.redis_server, programs.daprd
        self._folder, self._stack = folder, stack
        self.redis_port, self.grpc_port = free_ports(2)
        self.start_redis()
        self.start_sidecar()
        self.model = stack.enter_context(model_server())
        self.app = self.start_app()

    def start_redis(self) -> None:
        server = redis_server(self._redis, self._folder, port=self.redis_port, append_only=True)
        self.redis = self._stack.enter_context(server)

    def start_sidecar(self) -> None:
        process = daprd(
            self._daprd, self._folder, self.redis_port, app_id="service-desk", grpc_port=self.grpc_port
        )
        self.sidecar = self._stack.enter_context(process)

    def start_app(self) -> AgentProcess:
        return self._stack.enter_context(
            agent_process("agents.service_desk:AGENT", self._folder, self.sidecar, self.model.url)
        )

    def post(self, task: str, body: object, key: str, prefer: str = "") -> tuple[int, Any]:
        request = urllib.request.Request(  # our own loopback address
            f"http://127.0.0.1:{self.app.port}/api/service-desk/{task}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": key, "Prefer": prefer},
        )
        return _answer(request)

    def execution(self, identity: str) -> Any:
        url = f"http://127.0.0.1:{self.app.port}/api/service-desk/executions/{identity}"
        return _answer(urllib.request.Request(url))[1]


@pytest.fixture
def outage(programs: Programs, tmp_path: Path):  # type: ignore[no-untyped-def]
    with ExitStack() as stack:
        yield Outage(programs, tmp_path, stack)


def test_redis_gone_is_told_and_the_same_request_works_when_it_is_back(outage: Outage) -> None:
    outage.redis.process.kill()
    status, answer = outage.post("open-ticket", TICKET, "k")
    assert status == 503
    assert answer["error"]["code"] == "sidecar_unavailable"
    outage.start_redis()
    status, answer = eventually(lambda: _good(outage.post("open-ticket", TICKET, "k")))
    assert answer["output"]["title"] == "No network"


def test_a_killed_sidecar_is_told_and_the_same_request_works_when_it_is_back(outage: Outage) -> None:
    outage.sidecar.process.kill()
    status, answer = outage.post("open-ticket", TICKET, "k")
    assert status == 503
    assert answer["error"]["code"] == "sidecar_unavailable"
    outage.start_sidecar()
    _, answer = eventually(lambda: _good(outage.post("open-ticket", TICKET, "k")))
    assert answer["output"]["title"] == "No network"


def test_redis_killed_during_the_work_loses_nothing_that_was_written_a_moment_before(outage: Outage) -> None:
    outage.model.models.clear()  # the ticket's triage has to wait
    status, answer = outage.post("triage", _triage(outage), "k")
    assert status == 503, answer
    identity = answer["error"]["details"]["execution_id"]
    time.sleep(1.5)  # AOF is written every second
    outage.redis.process.kill()
    time.sleep(1)
    outage.start_redis()
    outage.model.models.append("tiny-test-model")
    done = eventually(lambda: _if(outage.execution(identity), lambda e: e.get("status") == "completed"), 120)
    assert done["output"]


def test_sigterm_hands_the_work_back_and_the_next_process_does_it(outage: Outage) -> None:
    outage.model.models.clear()
    status, answer = outage.post("triage", _triage(outage), "k")
    assert status == 503, answer
    identity = answer["error"]["details"]["execution_id"]
    outage.app.process.signal(signal.SIGTERM)
    assert outage.app.process.popen.wait(60) == 0
    outage.model.models.append("tiny-test-model")
    outage.app = outage.start_app()
    done = eventually(lambda: _if(outage.execution(identity), lambda e: e.get("status") == "completed"), 120)
    assert done["attempts"] == 1


def _triage(outage: Outage) -> Any:
    url = f"http://127.0.0.1:{outage.app.port}/api/service-desk/tasks"
    tasks = _answer(urllib.request.Request(url))[1]["tasks"]
    return next(task for task in tasks if task["name"] == "triage")["examples"][0]


def _answer(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _good(answer: tuple[int, Any]) -> tuple[int, Any] | None:
    return answer if answer[0] == 200 else None


def _if(value: Any, condition: Callable[[Any], bool]) -> Any:
    return value if condition(value) else None
