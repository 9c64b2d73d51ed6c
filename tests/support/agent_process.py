"""One agent as `dapr.yaml` starts it: a process of its own, a real sidecar, a stand-in for the model."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.local.ports import free_ports
from tests.stand_ins import openai_server
from tests.support.planted import ENVIRONMENT
from tests.support.processes import Daprd, Process
from tests.support.raw_http import get

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class AgentProcess:
    port: int
    process: Process

    @property
    def log(self) -> str:
        return self.process.log.read_text()


@contextmanager
def agent_process(
    target: str,
    folder: Path,
    sidecar: Daprd,
    model: str,
    env: Mapping[str, str] | None = None,
    *,
    port: int | None = None,
) -> Iterator[AgentProcess]:
    """`target` is MODULE:ATTRIBUTE, `model` the address of an OpenAI-compatible server, `port` one that the sidecar knows."""
    port = port or free_ports(1)[0]
    given = {
        "APP_PORT": str(port),
        "DAPR_GRPC_PORT": str(sidecar.grpc_port),
        "LLM_PROVIDER": "openai",
        "OPENAI_BASE_URL": model,
        "OPENAI_API_KEY": openai_server.KEY,
        "OPENAI_MODEL": openai_server.MODEL,
        "AGENTS_PROMPTS": str(ROOT / "prompts"),
        "AGENTS_LOG_FORMAT": "human",
        **ENVIRONMENT,
        **(env or {}),
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    log = folder / "agent.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", "infrastructure.host", target],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**kept, "PYTHONPATH": str(ROOT), **given},
        )
    try:
        running = AgentProcess(port, Process(popen, log))
        _wait_until_ready(running)
        yield running
    finally:
        popen.terminate()
        try:
            popen.wait(60)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


@contextmanager
def model_server() -> Iterator[openai_server.OpenAIServer]:
    """The stand-in in a thread of its own, for tests that block."""
    server, ready, over = openai_server.OpenAIServer(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with openai_server.serving(server):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield server
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(60)


def _wait_until_ready(running: AgentProcess, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and running.process.popen.poll() is None:
        try:
            answer = get(running.port, "/readyz")
        except OSError:
            answer = None
        if answer is not None and answer.status == 200:
            return
        time.sleep(0.05)
    raise AssertionError(f"the agent did not get ready:\n{running.log[-3000:]}")
