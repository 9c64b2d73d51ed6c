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
