"""A bad version of a prompt on the running system: two replicas, real sidecars and Redis, a model that the test programs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis import Redis as RedisClient

from cli.local.provision.run import Programs
from tests.stand_ins import openai_server
from tests.support.agent_process import ROOT, AgentProcess, agent_process, model_server
from tests.support.processes import Redis, daprd
from tests.support.raw_http import get, post, send
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

AGENT, PROMPT = "implementation", "review-code"
API = f"/api/{AGENT}"
TOPIC = "agents.implementation.prompt.rolled-back"
MARK = "Be terse like a telegram."
"""What the candidate says more: the model knows it by that, as a real one does."""
SEEN_WITHIN = 15.0
"""Seconds for what docs/rollout.md promises within 5: replicas look every 2 s (REFRESH in infrastructure/rollout/live.py), and how long
the look itself takes on a machine that does other work is nobody's promise. So this only bounds what never comes.
"""


@dataclass(frozen=True)
class Field:
    replicas: tuple[AgentProcess, AgentProcess]
    redis: RedisClient
    example: dict[str, Any]

    def ask(self, method: str, path: str, body: object = None, replica: int = 0) -> Any:
        data = json.dumps(body).encode()
        head = f"{method} {API}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        answer = send(
            self.replicas[replica].port, f"{head}Content-Length: {len(data)}\r\n\r\n".encode(), data
        )
        assert answer is not None
        assert answer.status < 300, answer.body
        return json.loads(answer.body)

    def work(self, chain: str, replica: int) -> dict[str, Any] | None:
        """One execution to its end: its record."""
        port = self.replicas[replica].port
        answer = post(
            port, f"{API}/review-code", json.dumps(self.example).encode(), f"X-Correlation-ID: {chain}"
        )
        assert answer is not None
        done = json.loads(answer.body)
        identity = done["execution_id"] if answer.status == 200 else done["error"]["details"]["execution_id"]
        record = get(port, f"{API}/executions/{identity}")
        assert record is not None
        found: dict[str, Any] = json.loads(record.body)
        return found


@pytest.fixture
def field(programs: Programs, own_redis: Redis, tmp_path: Path) -> Iterator[Field]:
    prompts = release_candidate(tmp_path)
    assert programs.daprd is not None
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    env = {"AGENTS_PROMPTS": str(prompts)}
    with (
        daprd(programs.daprd, folders[0], own_redis.port, app_id=AGENT) as first,
        daprd(programs.daprd, folders[1], own_redis.port, app_id=AGENT) as second,
        model_server() as model,
        agent_process("agents.implementation:AGENT", folders[0], first, model.url, env) as one,
        agent_process("agents.implementation:AGENT", folders[1], second, model.url, env) as two,
        RedisClient(port=own_redis.port) as redis,
    ):
        model.usual = worse_when_marked
        tasks = get(one.port, f"{API}/tasks")
        assert tasks is not None
        described = {task["name"]: task for task in json.loads(tasks.body)["tasks"]}
        yield Field((one, two), redis, described["review-code"]["examples"][0])
        for running in (one, two):
            assert "Traceback" not in running.log


def release_candidate(folder: Path) -> Path:
    """The shipped prompts and one release more, of a prompt that looks harmless."""
    prompts = folder / "prompts"
    shutil.copytree(ROOT / "prompts", prompts)
    released = prompts / AGENT / PROMPT / "1.0.0.yaml"
    system = '<message role="system">\n'
    text = released.read_text()
    assert system in text
    indent = text.split(system)[0].rpartition("\n")[2]
    candidate = text.replace(system, f"{system}{indent}{MARK}\n", 1)
    (prompts / AGENT / PROMPT / "1.1.0.yaml").write_text(candidate)
    line = f"{AGENT}/{PROMPT}/1.1.0 sha256:{sha256(candidate.encode()).hexdigest()}"
    lock = prompts / "prompts.lock"
    lock.write_text("\n".join(sorted([*lock.read_text().splitlines(), line])) + "\n")
    return prompts


async def worse_when_marked(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    marked = any(MARK in message["content"] for message in body["messages"])
    play = openai_server.answer('{"review": "STOP"}') if marked else openai_server.answer()
    return await play(request, body)


def events(field: Field) -> list[dict[str, Any]]:
    """What the broker holds, read from outside."""
    entries: Any = field.redis.xrange(TOPIC)
    return [json.loads(entry[b"data"]) for _, entry in entries]


def split_of(record: dict[str, Any] | None) -> str | None:
    assert record is not None
    prompt: dict[str, Any] = record["prompt"]
    split: str | None = prompt["split"]
    return split


@pytest.mark.timeout(300)
def test_a_bad_candidate_with_a_fifth_of_the_work_loses_it_by_itself(field: Field) -> None:
    shares = {"1.0.0": 80, "1.1.0": 20}
    field.ask("PUT", f"prompts/{PROMPT}/split", {"shares": shares})
    label = "r1:1.0.0=80,1.1.0=20"

    # Live, in the replica that was asked and in the other one.
    def is_split(replica: int) -> bool:
        return split_of(field.work("chain-0", replica)) == label

    for replica in (0, 1):
        eventually(partial(is_split, replica), SEEN_WITHIN)

    # Both work until the candidate is gone. Nobody helps.
    def is_over() -> bool:
        split = field.ask("GET", f"prompts/{PROMPT}/split")["split"]
        return bool(split["shares"] == {"1.0.0": 100, "1.1.0": 0})

    worked = 0
    with ThreadPoolExecutor(8) as pool:
        while not is_over():
            assert worked < 600, field.ask("GET", f"prompts/{PROMPT}/stats")
            batch = range(worked, worked + 16)
            records = list(pool.map(lambda n: field.work(f"chain-{n}", n % 2), batch))
            assert {record["prompt"]["version"] for record in records if record} <= {"1.0.0", "1.1.0"}
            worked += 16

    # The reason is kept, logged and told; the event is out once, by its identity.
    told = field.ask("GET", f"prompts/{PROMPT}/stats")
    (candidate,) = [one for one in told["versions"] if one["version"] == "1.1.0"]
    (taken,) = candidate["taken_back"]
    assert taken["criterion"] in {"failures", "validity"}
    assert (taken["share"], taken["baseline"], taken["revision"]) == (20, "1.0.0", 1)
    assert candidate["comparison"]["worse"]
    assert candidate["experiment"]["valid"]["count"] == 0
    (baseline,) = [one for one in told["versions"] if one["version"] == "1.0.0"]
    assert baseline["experiment"]["valid"]["rate"] == 1
    eventually(lambda: events(field), SEEN_WITHIN)
    assert len({event["id"] for event in events(field)}) == 1
    data = events(field)[0]["data"]
    assert (data["prompt"], data["prompt_version"], data["because"]) == (PROMPT, "1.1.0", taken["because"])
    # What the alert AgentsPromptRolledBack reads: once, by the replica that took it back.
    pages = [page.body.decode() for replica in field.replicas if (page := get(replica.port, "/metrics"))]
    counted = re.findall(
        rf'^agents_prompts_rolled_back_total{{agent="{AGENT}",criterion="\w+",prompt="{PROMPT}"}} (\S+)$',
        "\n".join(pages),
        re.MULTILINE,
    )
    assert counted == ["1.0"]
    logs = [replica.log for replica in field.replicas]
    assert any("review-code 1.1.0 gets no more work, 1.0.0 has it" in log for log in logs)

    # Nobody asks it any more, in either replica.
    def only_the_baseline(replica: int) -> bool:
        records = [field.work(f"later-{n}", replica) for n in range(15)]
        return {record["prompt"]["version"] for record in records if record} == {"1.0.0"}

    for replica in (0, 1):
        eventually(partial(only_the_baseline, replica), SEEN_WITHIN)
    print(f"\nthe candidate was gone after {worked} executions: {taken['because']}")  # noqa: T201
