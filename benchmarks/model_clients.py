"""What each model client costs: latency, throughput at 32 in flight, and CPU, against a local server that answers at once.

    python -m benchmarks.model_clients [--calls 3000] [--client lean …]

The server and every client run in processes of their own, one client at a time. The table goes into docs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ("aiohttp", "lean", "openai", "semantic-kernel")
IN_FLIGHT = 32

_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": "instant",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": '{"severity": "low", "summary": "' + "word " * 60 + '"}',
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 210, "completion_tokens": 70, "total_tokens": 280},
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "severity": {"type": "string", "enum": ["low", "high"]},
        "summary": {"type": "string", "maxLength": 400},
    },
    "required": ["severity", "summary"],
    "additionalProperties": False,
}


class InstantServer(asyncio.Protocol):
    """HTTP/1.1 with the least work: every complete request gets the same answer."""

    body = json.dumps(_ANSWER).encode()
    response = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self.received = rest[length:]
            self.transport.write(self.response)  # type: ignore[attr-defined]


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(InstantServer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def measure(client: str, port: int, calls: int) -> None:
    begun = time.perf_counter()
    call, close = await connect(client, port)
    loaded = time.perf_counter() - begun
    for _ in range(200):
        await call()

    times = []
    for _ in range(calls // 3):
        start = time.perf_counter()
        await call()
        times.append(time.perf_counter() - start)

    async def worker() -> None:
        for _ in range(calls // IN_FLIGHT):
            await call()

    cpu, start = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    done = calls // IN_FLIGHT * IN_FLIGHT
    await close()
    print(
        f"| {client} | {statistics.median(times) * 1000:.2f} | {done / took:,.0f} | {cpu / done * 1000:.2f} "
        f"| {loaded:.1f} | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |",
        flush=True,
    )


async def connect(
    client: str, port: int
) -> tuple[Callable[[], Awaitable[object]], Callable[[], Awaitable[object]]]:
    """One call of this client, and how to close it. Imports happen here, because they are part of the price."""
    if client == "aiohttp":
        return await connect_aiohttp(port)
    from domain.chat import ChatRequest, Message  # noqa: PLC0415
    from infrastructure.llm.clients.factory import model_from  # noqa: PLC0415
    from infrastructure.llm.clients.settings import ModelSettings  # noqa: PLC0415

    model = model_from(
        ModelSettings(llm_provider="ollama", ollama_host=f"127.0.0.1:{port}", agents_model_client=client)
    )
    messages = (
        Message("system", "You classify tickets. " * 10),
        Message("user", "The printer is on fire. " * 20),
    )
    request = ChatRequest(messages=messages, max_tokens=400, output_schema=_SCHEMA, temperature=0.0)
    return lambda: model.complete(request), model.close


async def connect_aiohttp(
    port: int,
) -> tuple[Callable[[], Awaitable[object]], Callable[[], Awaitable[object]]]:
    """The floor: a POST of ready bytes, and the answer as bytes."""
    import aiohttp  # noqa: PLC0415

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "The printer is on fire. " * 30}]}
    ).encode()

    async def call() -> bytes:
        async with session.post(f"http://127.0.0.1:{port}/v1/chat/completions", data=body) as response:
            return await response.read()

    return call, session.close


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument(
        "--client", action="append", choices=CLIENTS, help="only this one; repeat for several"
    )
    parser.add_argument("--role", choices=("serve", "measure"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "serve":
        asyncio.run(serve())
    elif options.role == "measure":
        asyncio.run(measure(options.client[0], options.port, options.calls))
    else:
        compare(options.client or CLIENTS, options.calls)


def compare(clients: tuple[str, ...] | list[str], calls: int) -> None:
    me = [sys.executable, "-m", "benchmarks.model_clients"]
    with subprocess.Popen([*me, "--role", "serve"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - PIPE above
            port = server.stdout.readline().strip()
            print(
                f"| client | p50 ms | calls/s at {IN_FLIGHT} | CPU ms/call | import s | RSS MiB |\n|---|---|---|---|---|---|",
                flush=True,
            )
            for client in clients:
                role = ["--role", "measure", "--client", client, "--port", port, "--calls", str(calls)]
                subprocess.run([*me, *role], check=True, cwd=ROOT)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
