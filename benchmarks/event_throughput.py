"""Events per second through one agent as shipped: event in → one chat completion → record → event out.

    python -m benchmarks.event_throughput [--events 3000] [--rounds 3]

One app and one sidecar on a Redis of their own, a model that answers at once, everything else as `agents up` runs it.
Two variants in turn, so that a noisy machine hurts both alike: traces off (the default), and traces and metrics sent
by OTLP to a receiver that throws them away. Runs from the repository's root; needs the programs of `agents provision`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import redis
from aiohttp import web
from rich.console import Console
from rich.table import Table

from agents.implementation import AGENT
from cli.local.provision.run import Programs, Wanted, provision
from domain.event import Event
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from domain.json import dump
from infrastructure.memory.schema_answer import schema_answer
from infrastructure.prompts.registry import load_prompts
from tests.support.processes import daprd, free_ports, redis_server

ROOT = Path(__file__).parents[1]
SPEC = {
    "spec_id": "SPEC-1",
    "feature_title": "Password reset by mail",
    "summary": "Whoever forgot the password gets a link that works once.",
    "cases": [
        {
            "id": "TC-1", "title": "The link works once", "given": "a link", "when": "it is used twice",
            "then": "the second time is refused", "priority": "high", "kind": "unit",
        }
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    events_per_second: float
    app_cpu_ms: float
    app_memory_mb: float


@contextmanager
def outside() -> Iterator[int]:
    """A model that answers at once and an OTLP receiver that forgets, on one port, in a thread."""
    schema = load_prompts(ROOT / "prompts" / "implementation").get("generate-code").output_schema
    content = dump(schema_answer(schema or {})).decode()
    answer = dump(
        {
            "model": "instant",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50},
        }
    )

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=answer, content_type="application/json")

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "instant"}]})

    async def forget(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(content_type="application/x-protobuf")

    loop = asyncio.new_event_loop()
    port = free_ports(1)[0]
    started = threading.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_routes(
            [
                web.post("/v1/chat/completions", chat),
                web.get("/v1/models", models),
                web.post("/v1/traces", forget),
                web.post("/v1/metrics", forget),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        started.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    threading.Thread(target=run, daemon=True).start()
    started.wait()
    yield port
    loop.call_soon_threadsafe(loop.stop)


def measure(programs: Programs, outside_port: int, events: int, environment: dict[str, str]) -> Result:
    assert programs.redis_server is not None  # noqa: S101  # wanted
    assert programs.daprd is not None  # noqa: S101
    with tempfile.TemporaryDirectory() as folder, redis_server(programs.redis_server, Path(folder)) as server:
        client = redis.Redis(port=server.port)
        port = free_ports(1)[0]
        with daprd(programs.daprd, Path(folder), server.port, app_id="implementation") as sidecar:
            app = subprocess.Popen(
                [sys.executable, "-m", "infrastructure.host", "agents.implementation:AGENT"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "APP_PORT": str(port),
                    "DAPR_GRPC_PORT": str(sidecar.grpc_port),
                    "LLM_PROVIDER": "openai",
                    "OPENAI_BASE_URL": f"http://127.0.0.1:{outside_port}/v1",
                    "OPENAI_MODEL": "instant",
                    "AGENTS_LOG_LEVEL": "warning",
                    **environment,
                },
            )
            try:
                _flow(client, 200)  # warm: connections, caches, the consumer group
                cpu, started = _cpu_seconds(app.pid), time.perf_counter()
                _flow(client, events)
                seconds = time.perf_counter() - started
                spent = _cpu_seconds(app.pid) - cpu
                return Result(events / seconds, spent / events * 1000, _memory_mb(app.pid))
            finally:
                app.terminate()
                app.wait()


def _flow(client: redis.Redis, events: int) -> None:
    """Put the events into the broker and wait until as many have come out."""
    before = int(client.xlen(CodeGenerated.event_type))  # type: ignore[arg-type]
    pipeline = client.pipeline(transaction=False)
    for _ in range(events):
        event = Event(id=str(uuid4()), source="/benchmark", type=SpecGenerated.event_type, data=SPEC)
        pipeline.xadd(event.type, {"data": event.to_json()})
    pipeline.execute()
    deadline = time.monotonic() + 120
    while int(client.xlen(CodeGenerated.event_type)) < before + events:  # type: ignore[arg-type]
        if time.monotonic() > deadline:
            raise SystemExit("the events did not come out within two minutes")
        time.sleep(0.005)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    console = Console()
    programs = asyncio.run(provision(Wanted(ollama=False, model=False), os.environ, console))
    results: dict[str, list[Result]] = {"traces off": [], "traces on": []}
    with outside() as port:
        variants = {
            "traces off": {},
            "traces on": {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
            },
        }
        for number in range(arguments.rounds):
            for name, environment in variants.items():
                result = measure(programs, port, arguments.events, environment)
                results[name].append(result)
                console.print(f"round {number + 1}, {name}: {result.events_per_second:.0f} events/s")
    table = Table("variant", "events/s", "app CPU ms/event", "app memory MB", title=f"{AGENT.name}, medians")
    for name, measured in results.items():
        median = [statistics.median(v) for v in zip(*(vars_of(r) for r in measured), strict=True)]
        table.add_row(name, f"{median[0]:.0f}", f"{median[1]:.2f}", f"{median[2]:.0f}")
    console.print(table)
    ratio = statistics.median(
        on.events_per_second / off.events_per_second
        for off, on in zip(results["traces off"], results["traces on"], strict=True)
    )
    console.print(f"throughput with traces on / off, paired: {ratio:.3f}")


def vars_of(result: Result) -> tuple[float, float, float]:
    return result.events_per_second, result.app_cpu_ms, result.app_memory_mb


if __name__ == "__main__":
    main()
