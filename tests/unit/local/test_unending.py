"""Tasks beside the supervisor's work: what ends one is said, and it goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from cli.local import unending, watch
from cli.local.loglines import MAX_BYTES, LogFile
from cli.local.unending import go_on
from cli.local.watch import Watched, keep_current


async def test_it_begins_again_and_says_the_same_error_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unending, "AGAIN", 0.001)
    errors = [KeyError("a"), KeyError("a"), OSError("disk full"), KeyError("a")]
    said: list[str] = []

    async def work() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert await go_on("trimming", work, said.append) == "done"
    assert said == [
        "trimming failed and begins again: KeyError: 'a'",
        "trimming failed and begins again: OSError: disk full",
        "trimming failed and begins again: KeyError: 'a'",
    ]


async def test_it_can_be_cancelled_while_it_pauses() -> None:
    async def work() -> None:
        raise KeyError

    said = asyncio.Event()
    task = asyncio.create_task(go_on("trimming", work, lambda _: said.set()))
    await said.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_watch_of_files_follows_a_change_that_it_failed_at_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches, started = asyncio.Event(), asyncio.Event()
    bugs = [RuntimeError("no more processes")]

    class Process:
        async def restart(self) -> None:
            if bugs:
                raise bugs.pop()
            started.set()

    monkeypatch.setattr(unending, "AGAIN", 0.001)
    monkeypatch.setattr(watch, "LOOK", 0.02)
    room = tmp_path / "agents/room.py"
    room.parent.mkdir()
    (room.parent / "__init__.py").touch()
    room.write_text("AGENT = 1\n")
    agent = Watched("room", "agents.room", "AGENT", cast("Any", [Process()]))
    said: list[tuple[str, str]] = []

    def say(text: str, level: str) -> None:
        said.append((level, text))
        watches.set()

    watching = asyncio.create_task(keep_current(tmp_path, [agent], say))
    async with asyncio.timeout(60):
        await watches.wait()
        room.write_text("AGENT = 2 + 2\n")
        await started.wait()
    watching.cancel()
    assert (
        "warning",
        "watching the files failed and begins again: RuntimeError: no more processes",
    ) in said
    assert said.count(("info", "watching 2 files")) == 1


def test_a_log_whose_folder_is_gone_ends_nobody(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs/one.log")
    log.write(b"x" * (MAX_BYTES + 1))
    log.path.unlink()
    log.path.parent.rmdir()
    log.write(b"a line\n")
    log.path.parent.mkdir()
    log.path.touch()
    log.write(b"another\n")
    log.close()
    assert log.path.read_bytes() == b"another\n"
