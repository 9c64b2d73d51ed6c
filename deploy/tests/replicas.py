"""Replicas of one agent on a real sidecar and Redis, whose model does what a test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.local.provision.run import Programs
from tests.stand_ins.openai_server import OpenAIServer
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.processes import Redis, daprd, redis_server
from tests.support.raw_http import get, send
from tests.support.waiting import eventually

AGENT, TASK = "implementation", "review-code"
WITHIN = 240.0
"""Seconds until something that has to come is given up: it bounds what never comes, and says nothing of how fast it is."""


@dataclass
class Field:
    """One or two replicas on one Redis, with a model in the place of theirs."""

    replicas: list[AgentProcess]
    redis: Redis
    model: OpenAIServer
    example: bytes

    def ask(self, key: str, *, replica: int = 0, wait: bool = True) -> int:
        """The status of the answer."""
        head = [
            f"POST /api/{AGENT}/{TASK} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {len(self.example)}",
            f"Idempotency-Key: {key}",
            *(() if wait else ("Prefer: respond-async",)),
        ]
        sent = "\r\n".join(head).encode() + b"\r\n\r\n"
        answer = send(self.replicas[replica].port, sent, self.example, timeout=WITHIN)
        assert answer is not None
        return answer.status

    def page(self, replica: int = 0) -> str:
        asked = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = send(self.replicas[replica].port, asked, timeout=WITHIN)
        assert answer is not None
        assert answer.status == 200
        return answer.body.decode()

    def until(self, series: str, least: float, replica: int = 0) -> str:
        """The page on which the series that begins like this adds up to so much."""

        def seen() -> str | None:
            page = self.page(replica)
            lines = [line for line in page.splitlines() if line.startswith(series)]
            return page if sum(float(line.rpartition(" ")[2]) for line in lines) >= least else None

        found: str = eventually(seen, WITHIN)
        return found


@contextmanager
def field(
    programs: Programs, folder: Path, *, replicas: int = 1, models: dict[str, Any] | None = None
) -> Iterator[Field]:
    assert programs.redis_server is not None
    assert programs.daprd is not None
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(programs.redis_server, folder, append_only=True))
        model = stack.enter_context(model_server())
        env = {}
        if models is not None:
            file = folder / "models.yaml"
            file.write_text(yaml.safe_dump(models).replace("MODEL_URL", model.url))
            env["AGENTS_MODELS"] = str(file)
        running = []
        for number in range(replicas):
            own = folder / str(number)
            own.mkdir()
            sidecar = stack.enter_context(daprd(programs.daprd, own, redis.port, app_id=AGENT))
            running.append(
                stack.enter_context(
                    agent_process("agents.implementation:AGENT", own, sidecar, model.url, env)
                )
            )
        tasks = get(running[0].port, f"/api/{AGENT}/tasks")
        assert tasks is not None
        (task,) = [found for found in json.loads(tasks.body)["tasks"] if found["name"] == TASK]
        yield Field(running, redis, model, json.dumps(task["examples"][0]).encode())
