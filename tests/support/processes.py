"""Real Redis and daprd for tests: free ports, folders of their own, ended by pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.local.ports import free_ports
from tests.support.planted import ENVIRONMENT

COMPONENTS = Path(__file__).parents[2] / "components" / "redis"


@dataclass(frozen=True)
class Process:
    popen: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


@dataclass(frozen=True)
class Redis:
    port: int
    process: Process


@dataclass(frozen=True)
class Daprd:
    grpc_port: int
    http_port: int
    metrics_port: int
    process: Process

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"


@contextmanager
def redis_server(
    program: Path,
    folder: Path,
    *,
    port: int | None = None,
    append_only: bool = False,
    password: str | None = None,
) -> Iterator[Redis]:
    """When it ends, what it holds is written to `dump.rdb` as it is, for whoever looks for what must not be in it."""
    port = port or free_ports(1)[0]
    argv: list[str | Path] = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        folder,
    ]
    argv += ["--appendonly", "yes" if append_only else "no", "--rdbcompression", "no"]
    argv += ["--requirepass", password] if password else []
    with started("redis", argv, folder) as process:
        until_ready(process, lambda: accepts(port))
        try:
            yield Redis(port, process)
        finally:
            _save(port, password)


@contextmanager
def daprd(
    program: Path,
    folder: Path,
    where: int | Mapping[str, str],
    *,
    app_id: str = "tests",
    app_port: int | None = None,
    grpc_port: int | None = None,
    env: Mapping[str, str] | None = None,
    components: Path = COMPONENTS,
    options: Sequence[str] = (),
) -> Iterator[Daprd]:
    """A sidecar with the shipped components, pointed elsewhere: at another port of Redis, or address by address. No control plane."""
    addresses = {"127.0.0.1:6379": f"127.0.0.1:{where}"} if isinstance(where, int) else where
    resources = folder / "components"
    resources.mkdir(exist_ok=True)
    for file in components.glob("*.yaml"):
        text = file.read_text()
        for shipped, other in addresses.items():
            text = text.replace(shipped, other)
        (resources / file.name).write_text(text)
    http, grpc, internal, metrics = free_ports(4)
    grpc = grpc_port or grpc
    flags = {
        "app-id": app_id,
        "dapr-http-port": http,
        "dapr-grpc-port": grpc,
        "dapr-internal-grpc-port": internal,
        "metrics-port": metrics,
        "metrics-listen-address": "127.0.0.1",
        "dapr-listen-addresses": "127.0.0.1",
        "config": resources / "config.yaml",
        "resources-path": resources,
        "placement-host-address": "",
        "scheduler-host-address": "",
    }
    if app_port is not None:
        flags["app-port"] = app_port
    argv: list[str | Path] = [program, *(f"--{name}={value}" for name, value in flags.items()), *options]
    with started(f"daprd-{app_id}", argv, folder, env) as process:
        until_ready(process, lambda: _status(f"http://127.0.0.1:{http}/v1.0/healthz/outbound") == 204)
        yield Daprd(grpc, http, metrics, process)


@contextmanager
def started(
    name: str, argv: list[str | Path], folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[Process]:
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            argv,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **ENVIRONMENT, **(env or {})},
        )
    try:
        yield Process(popen, log)
    finally:
        if popen.poll() is None:
            popen.send_signal(signal.SIGCONT)
            popen.terminate()
            try:
                popen.wait(5)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


def until_ready(process: Process, ready: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if process.popen.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{process.log.name} did not start:\n{process.log.read_text()[-2000:]}")
        time.sleep(0.03)


def _save(port: int, password: str | None) -> None:
    """Of one that answers; a test may have frozen, filled or killed it."""
    commands = f"AUTH {password}\r\nSAVE\r\n" if password else "SAVE\r\n"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(commands.encode())
        answers = b""
        while answers.count(b"\r\n") < commands.count("\r\n") and (piece := connection.recv(1024)):
            answers += piece


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310  # our own sidecar
            return int(response.status)
    except OSError:
        return 0
