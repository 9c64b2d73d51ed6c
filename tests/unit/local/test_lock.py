"""One command at a time works on an instance's data, and what it is called is told to the others."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local import control
from cli.local.instance import find_instance
from tests.unit.local.test_commands import agents, folder

__all__ = ["folder"]

HOLDER = """
import sys
from cli.local.control import exclusive
from cli.local.instance import find_instance

with exclusive(find_instance(), "restore"):
    print("holds it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def restoring(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock as `agents restore` does."""
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        yield process
        process.kill()


@pytest.mark.parametrize(
    "words",
    [["down"], ["up", "--detach"], ["up"], ["status"], ["reset", "--yes"], ["restore", "some"]],
    ids=" ".join,
)
def test_who_restores_is_named_and_not_taken_for_the_running_system_nor_ended(
    folder: Path, restoring: "subprocess.Popen[str]", words: list[str]
) -> None:
    done = agents(folder, *words)
    assert done.returncode == 1
    told = f"error: `agents restore` is at work here (pid {restoring.pid})\n  run this again when that one is done\n"
    assert done.stderr.endswith(told)
    assert restoring.poll() is None


def test_nothing_is_started_while_a_reset_asks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    (folder / ".run" / "redis").mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "reset"],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as asking:  # fmt: skip
        assert asking.stdout is not None
        assert asking.stdout.readline() == "This drops\n"
        with (
            pytest.raises(CommandError, match="`agents reset` is at work here"),
            control.exclusive(find_instance(folder)),
        ):
            pytest.fail("`agents up` would have started")
        asking.communicate("n\n", timeout=60)
    assert (folder / ".run" / "redis").exists()


def test_a_reset_drops_what_restores_kept_as_well(folder: Path) -> None:
    run = folder / ".run"
    for name in ("redis", "redis.before-20261122T080000Z", "redis.before-20261122T080000Z-2", "logs"):
        (run / name).mkdir(parents=True)
    done = agents(folder, "reset", "--yes", AGENTS_PORT_OFFSET="0", AGENTS_RUN_DIR=".run")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in run.iterdir()) == ["lock", "logs"]
