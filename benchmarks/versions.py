"""This version beside another one: how long a single event takes in each, and whether they share their work under kills.

    git worktree add ../other COMMIT
    python -m benchmarks.versions ../other

The latency of undisturbed events is measured in turn, each version on a Redis and a sidecar of its own. Then one replica
of each works on the same Redis while both are killed in turn. The model answers at once. Needs the programs of
`agents provision`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from rich.console import Console

from benchmarks.event_throughput import ROOT, SPEC, outside
from cli.local.provision.run import Programs, Wanted, provision
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from tests.support.processes import Daprd, daprd, free_ports, redis_server
from tests.support.raw_http import get

ROUNDS, PER_ROUND = 8, 60
"""The first round warms up."""
EVENTS, EVERY, KILL_EVERY, BAD = 600, 0.02, 2.0, 50
"""Mixed: so many events, one each so many seconds, a kill each so many; every so manieth event is refused."""
GOOD = [number for number in range(EVENTS) if number % BAD]


class Replica:
    """One process of the implementation agent, from a tree of its own."""

    def __init__(self, tree: Path, sidecar: Daprd, model: int) -> None:
        self._tree = tree
        self.port = free_ports(1)[0]
        self._env = {
            **os.environ,
            "PYTHONPATH": str(tree),
            "APP_PORT": str(self.port),
            "DAPR_GRPC_PORT": str(sidecar.grpc_port),
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model}/v1",
            "OPENAI_MODEL": "instant",
            "AGENTS_LOG_LEVEL": "error",
        }
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infrastructure.host", "agents.implementation:AGENT"],
            cwd=self._tree,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                answer = get(self.port, "/readyz")
            except OSError:
                answer = None
            if answer is not None and answer.status == 200:
                return
            time.sleep(0.05)
        raise SystemExit(f"the agent of {self._tree} did not get ready")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def started(tree: Path, sidecar: Daprd, model: int) -> Iterator[Replica]:
    replica = Replica(tree, sidecar, model)
    try:
        replica.until_ready()
        yield replica
    finally:
        replica.kill()


def event(identity: str, data: object) -> dict[str, str]:
    envelope = {
        "specversion": "1.0", "id": identity, "source": "/benchmarks", "type": SpecGenerated.event_type, "data": data,
    }  # fmt: skip
    return {"data": json.dumps(envelope)}


def latency(programs: Programs, trees: list[Path], folder: Path, model: int) -> None:
    """Print the p50 of single events, and the ratio of the first tree to the second."""
    took: dict[int, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        clients = []
        for number, tree in enumerate(trees):
            place = folder / f"alone-{number}"
            place.mkdir()
            server = stack.enter_context(redis_server(_known(programs.redis_server), place))
            sidecar = stack.enter_context(
                daprd(_known(programs.daprd), place, server.port, app_id="implementation")
            )
            stack.enter_context(started(tree, sidecar, model))
            clients.append(redis.Redis(port=server.port))
        for turn in range(ROUNDS):
            for number in (0, 1) if turn % 2 else (1, 0):
                milliseconds = [_one(clients[number], f"{turn}-{n}") for n in range(PER_ROUND)]
                took[number] += milliseconds if turn else []
    medians = [statistics.median(took[number]) for number in (0, 1)]
    for tree, median in zip(trees, medians, strict=True):
        print(f"{tree.name}: p50 of {len(took[0])} single events {median:.2f} ms")
    print(f"p50, this version to the other: {medians[0] / medians[1]:.3f}")


def _one(client: redis.Redis, identity: str) -> float:
    topic, results = SpecGenerated.event_type, CodeGenerated.event_type
    newest: Any = client.xrevrange(results, count=1)
    last = newest[0][0] if newest else "0-0"
    begin = time.perf_counter()
    client.xadd(topic, event(identity, {**SPEC, "spec_id": identity}))  # type: ignore[arg-type]
    if not client.xread({results: last}, block=5_000):
        raise SystemExit(f"no result of {identity} within 5 s")
    took = (time.perf_counter() - begin) * 1000
    time.sleep(0.005)
    return took


def mixed(programs: Programs, trees: list[Path], folder: Path, model: int) -> None:
    """Print what was lost and published twice when both work on one Redis and are killed in turn."""
    topic, results = SpecGenerated.event_type, CodeGenerated.event_type
    with ExitStack() as stack:
        server = stack.enter_context(redis_server(_known(programs.redis_server), folder))
        replicas = []
        for number, tree in enumerate(trees):
            place = folder / f"mixed-{number}"
            place.mkdir()
            sidecar = stack.enter_context(
                daprd(_known(programs.daprd), place, server.port, app_id="implementation")
            )
            replicas.append(stack.enter_context(started(tree, sidecar, model)))
        client = redis.Redis(port=server.port, decode_responses=True)
        kills, killed_at = 0, time.monotonic()
        for number in range(EVENTS):
            data = {**SPEC, "spec_id": f"SPEC-{number}"} if number % BAD else {"broken": True}
            client.xadd(topic, event(f"e{number}", data))  # type: ignore[arg-type]
            time.sleep(EVERY)
            if time.monotonic() - killed_at > KILL_EVERY:
                replica = replicas[kills % len(replicas)]
                replica.kill()
                replica.start()
                kills, killed_at = kills + 1, time.monotonic()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            entries: Any = client.xrange(results)
            published = [json.loads(fields["data"]) for _, fields in entries]
            done = {one["causationid"] for one in published}
            pending: Any = client.xpending(topic, "implementation")
            if len(done) == len(GOOD) and pending["pending"] == 0:
                break
            time.sleep(0.3)
        letters: Any = client.xrange("agents.implementation.dead-letter")
    lost = [number for number in GOOD if f"e{number}" not in done]
    print(
        f"side by side: {EVENTS} events, {kills} kills, {len(lost)} lost, {len(published) - len(done)} published twice, "
        f"{len(letters)} dead letters for {EVENTS - len(GOOD)} refused events"
    )


def _known(program: Path | None) -> Path:
    assert program is not None  # noqa: S101  # wanted
    return program


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.versions", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("other", type=Path, help="a checkout of the other version")
    other = parser.parse_args().other.resolve()
    if not (other / "infrastructure" / "host").is_dir():
        parser.error(f"{other} is no checkout of this project")
    programs = asyncio.run(provision(Wanted(), os.environ, Console(stderr=True)))
    with tempfile.TemporaryDirectory() as folder, outside() as model:
        latency(programs, [ROOT, other], Path(folder), model)
        mixed(programs, [ROOT, other], Path(folder), model)


if __name__ == "__main__":
    main()
