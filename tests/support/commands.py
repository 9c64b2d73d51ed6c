"""`agents` as a program of its own, and the model's server that it asks: on another loop, because a command runs one itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, serving

ROOT = Path(__file__).parents[2]


def environment(server: OpenAIServer, folder: Path) -> dict[str, str]:
    """What a command needs to ask the stand-in, with a cache of its own in `folder`."""
    return {
        "LLM_PROVIDER": "openai",
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_MODEL": MODEL,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "AGENTS_PORT_OFFSET": "0",
    }


def enter_project(folder: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder a project, and the current one; the model is the server's."""
    (folder / "dapr.yaml").write_text("version: 1\n")
    monkeypatch.chdir(folder)
    for name, value in environment(server, folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AGENTS_PROMPTS", raising=False)


@contextmanager
def serving_beside() -> Iterator[OpenAIServer]:
    """The stand-in, served by a thread."""
    made = OpenAIServer()
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(made):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield made
    finally:
        done.set()
        thread.join()


def started(*words: str) -> subprocess.Popen[str]:
    """`agents` with these words, in the current folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite started in the background ignores SIGINT, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nothing else runs in it
    )


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C: its exit code, and what it said on stderr."""
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=110)
    return process.returncode, stderr
