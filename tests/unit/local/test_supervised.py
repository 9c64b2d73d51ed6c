"""Patience with a program that does not answer yet."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local import supervised
from cli.local.probe import Health
from cli.local.service import Role, Service
from cli.local.supervised import State, Supervised

pytestmark = [
    pytest.mark.skipif(
        not Path("/proc/self/schedstat").exists(), reason="nobody tells the waiting for a core"
    ),
    pytest.mark.timeout(300),
]
PATIENCE, WORK, RIVALS = 1.0, 0.3, 5
"""Seconds of silence that are borne, seconds of computing until the program answers, and how many want the same core."""
ON_ONE_CORE = "import os, sys, time; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
RIVAL = f"{ON_ONE_CORE}\nwhile os.getppid() == int(sys.argv[1]): pass"
PROGRAM = f"""{ON_ONE_CORE}
while time.process_time() < {WORK}: pass
open(sys.argv[1], "w").close()
time.sleep(600)"""


@pytest.fixture
def crowded() -> Iterator[None]:
    """One core, wanted by many."""
    rivals = [subprocess.Popen([sys.executable, "-c", RIVAL, str(os.getpid())]) for _ in range(RIVALS)]
    yield
    for rival in rivals:
        rival.kill()
        rival.wait()


@pytest.mark.usefixtures("crowded")
async def test_a_start_that_waits_for_a_core_is_not_taken_for_a_silent_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "SLOW_START", PATIENCE)
    there = tmp_path / "there"

    async def probe() -> Health:
        return Health.READY if there.exists() else Health.SILENT

    service = Service(
        name="slow", role=Role.APP, argv=[sys.executable, "-c", PROGRAM, there], cwd=tmp_path, env=dict(os.environ),
        probe=probe, ports={}, log=tmp_path / "log",
    )  # fmt: skip
    running = Supervised(
        service, on_line=lambda *_: None, on_change=lambda *_: None, on_group=lambda *_: None
    )
    task = asyncio.create_task(running.run())
    while running.state is not State.READY and not running.restarts:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert (running.state, running.restarts, running.last_exit) == (State.READY, 0, None)
    await running.stop(1)
    await task


REFUSES = """import pathlib, sys
with pathlib.Path(sys.argv[1]).open("a") as tries: tries.write("x")
print('{"event": "looking"}')
print("beta: models.yaml:3:5: there is no model big", "  did you mean bid?", sep=chr(10))
sys.exit(78)"""


def refusing(folder: Path, *, gives_up: bool, role: Role = Role.APP) -> Supervised:
    async def probe() -> Health:
        return Health.SILENT

    service = Service(
        name="beta", role=role, argv=[sys.executable, "-c", REFUSES, folder / "tries"], cwd=folder,
        env=dict(os.environ), probe=probe, ports={}, log=folder / "log",
    )  # fmt: skip
    return Supervised(
        service,
        on_line=lambda *_: None,
        on_change=lambda *_: None,
        on_group=lambda *_: None,
        gives_up=gives_up,
    )


async def test_an_agent_that_refuses_its_configuration_is_tried_once_and_its_words_are_kept(
    tmp_path: Path,
) -> None:
    beta = refusing(tmp_path, gives_up=True)
    await beta.run()
    assert (beta.state, beta.refused, beta.restarts) == (State.STOPPED, True, 0)
    assert beta.last_words == "beta: models.yaml:3:5: there is no model big\n  did you mean bid?"
    assert (tmp_path / "tries").read_text() == "x"


@pytest.mark.parametrize(
    ("gives_up", "was_ready", "role"),
    [(False, False, Role.APP), (True, True, Role.APP), (True, False, Role.SIDECAR)],
)
async def test_one_that_is_watched_or_was_ready_before_is_tried_again(
    tmp_path: Path, gives_up: bool, was_ready: bool, role: Role
) -> None:
    beta = refusing(tmp_path, gives_up=gives_up, role=role)
    beta.was_ready = was_ready
    task = asyncio.create_task(beta.run())
    while beta.restarts < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert not beta.refused
    await beta.stop(1)
    await task
