"""`agents status` about a Redis that is full, and `agents up` where it runs already."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from cli.commands import status
from cli.local import components, control
from cli.local.instance import find_instance
from tests.unit.cli.conftest import Call

ROOT = Path(__file__).parents[3]
READY = {"ready": True, "up_s": 9.0, "services": [], "adopted": []}
REDIS = {
    "address": "127.0.0.1:6379",
    "used_bytes": 2**20,
    "max_bytes": 2**20,
    "fullness": 0.5,
    "refuses_writes": None,
    "backlog": [],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR", "AGENTS_REPLICAS"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(ROOT / "dapr.yaml", tmp_path)
    shutil.copytree(ROOT / "components" / "redis", tmp_path / "components" / "redis")
    return tmp_path


@contextmanager
def supervisor(answer: dict[str, Any]) -> Iterator[None]:
    """One that runs here, and answers so."""
    there, over = Event(), Event()

    async def serve() -> None:
        server = await control.serve(find_instance(), lambda _: answer)
        there.set()
        await asyncio.to_thread(over.wait)
        server.close()

    with control.exclusive(find_instance()):
        thread = Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert there.wait(60)
        yield
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("differing", "told"),
    [
        (
            {"fullness": 0.997, "refuses_writes": "Redis answers '-OOM command not allowed'"},
            "Redis is full: writes are refused; `agents doctor` tells more",
        ),
        ({"fullness": 0.91}, "Redis is 91% full, and full it refuses writes; `agents doctor` tells more"),
        (
            {"refuses_writes": "Redis answers '-MISCONF no disk'"},
            "Redis answers '-MISCONF no disk'; `agents doctor` tells more",
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_with_a_redis_that_takes_no_work_nothing_is_called_ready(
    agents: Call, monkeypatch: pytest.MonkeyPatch, differing: dict[str, Any], told: str
) -> None:
    outside = {"redis": {**REDIS, **differing}, "model": {"provider": "openai"}}
    monkeypatch.setattr(status, "outside", lambda _: outside)
    with supervisor(READY):
        shown = agents("status")
        as_json = agents("status", "--json")
    assert shown.exit_code == as_json.exit_code == 4
    assert told in shown.stdout.splitlines()
    assert "all ready" not in shown.stdout
    assert json.loads(as_json.stdout)["ready"] is False


@pytest.mark.usefixtures("project")
def test_with_room_in_redis_all_is_ready(agents: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "outside", lambda _: {"redis": REDIS, "model": {"provider": "openai"}})
    with supervisor(READY):
        shown = agents("status")
    assert (shown.exit_code, shown.stdout.splitlines()[-1]) == (0, "all ready, up for 9 s")


def running(**counts: int) -> dict[str, Any]:
    services = [{"agent": name, "role": "app"} for name, count in counts.items() for _ in range(count)]
    return {**READY, "services": services}


@pytest.mark.usefixtures("project")
def test_wrong_replicas_are_refused_also_where_it_runs_already(agents: Call) -> None:
    with supervisor(running(devops=1)):
        refused = agents("up", "--detach", "--replicas", "nosuch=2")
    assert refused.exit_code == 9
    assert refused.stderr.startswith("error: replicas of 'nosuch': there is no such agent\n")
    assert "runs already" not in refused.stdout


@pytest.mark.usefixtures("project")
def test_other_replicas_than_run_are_said_to_need_a_new_start(agents: Call) -> None:
    words = ["up", "--detach", "--replicas", "devops=3", "--replicas", "implementation=2"]
    with supervisor(running(devops=1, implementation=2)):
        shown = agents(*words)
    assert shown.exit_code == 0
    first, *rest = shown.stdout.splitlines()
    assert first.startswith("it runs already (pid ")
    assert rest == ["devops: 3 wanted, 1 started; that takes effect after agents down"]


@pytest.mark.usefixtures("project")
def test_other_components_than_run_are_said_to_need_a_new_start(agents: Call, project: Path) -> None:
    shutil.copy(ROOT / "dapr.azure-stand-ins.yaml", project)
    shutil.copytree(ROOT / "components" / "azure-stand-ins", project / "components" / "azure-stand-ins")
    with supervisor(running(devops=1)):
        components.note(find_instance().run, {})
        shown = agents("up", "--detach", "--components", "azure-stand-ins")
    told = "components: azure-stand-ins wanted, redis started; that takes effect after agents down"
    assert told in shown.stdout.splitlines()


@pytest.mark.usefixtures("project")
def test_what_the_broker_gave_up_by_itself_is_told(agents: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {"topic": "t", "agent": "devops", "waiting": 2, "pending": 1, "oldest_s": None}
    bus = {"address": "127.0.0.1:3900", "backlog": [waiting], "dead_letters": 3}
    outside = {"redis": None, "service_bus": bus, "model": {"provider": "openai"}}
    monkeypatch.setattr(status, "outside", lambda _: outside)
    with supervisor(READY):
        shown = agents("status")
    assert "  devops: t: 2 waiting, 1 in work" in shown.stdout.splitlines()
    assert "service-bus: 3 messages given up by the broker itself" in shown.stdout.splitlines()


@pytest.mark.usefixtures("project")
def test_a_topic_that_a_sidecar_cannot_receive_is_told_and_nothing_is_called_ready(
    agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "outside", lambda _: {"redis": None, "model": {"provider": "openai"}})
    told = "nothing of agents.x is received: 'agents.x/Subscriptions/devops' is not there"
    sidecar = {
        "name": "devops.daprd",
        "role": "sidecar",
        "agent": "devops",
        "state": "ready",
        "pid": 1,
        "restarts": 0,
        "last_exit": None,
        "last_words": None,
        "memory_mb": 9,
        "ports": {"http": 3502},
        "address": "",
        "log": "x",
        "complaints": [told],
    }
    with supervisor({**READY, "services": [sidecar]}):
        shown = agents("status")
    assert shown.exit_code == 4
    assert told in " ".join(shown.stdout.split())
    assert "all ready" not in shown.stdout
