"""The stand-ins of Service Bus and Cosmos DB as processes of their own, and a sidecar on them."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.local.ports import free_ports
from tests.support.processes import Daprd, Process, accepts, daprd, started, until_ready

ROOT = Path(__file__).parents[2]
COMPONENTS = ROOT / "components" / "azure-stand-ins"
ACCOUNT = {"databases": {"agents": {"state": {"partition_key": "/partitionKey", "default_ttl": -1}}}}
SUBSCRIPTION = {"max_delivery_count": 2000, "lock_duration": 5}


@dataclass(frozen=True)
class StandIn:
    """`admin` is where it can be looked into and made to fail."""

    port: int
    admin: str
    process: Process

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.admin}{path}", timeout=5) as response:  # noqa: S310  # loopback
            return json.load(response)

    def fault(self, path: str) -> None:
        request = urllib.request.Request(f"{self.admin}{path}", method="POST")  # noqa: S310  # loopback
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


@contextmanager
def service_bus(
    folder: Path,
    topics: Mapping[str, Sequence[str]],
    *,
    topic: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[StandIn]:
    """`topics`: app-ids by topic; `settings` those of every subscription, `topic` those of every topic."""
    how = {**SUBSCRIPTION, **settings}
    described = {
        name: {**(topic or {}), "subscriptions": dict.fromkeys(apps, how)} for name, apps in topics.items()
    }
    file = folder / "servicebus.json"
    file.write_text(json.dumps({"topics": described}))
    port, admin = free_ports(2)
    argv: list[str | Path] = [sys.executable, "-m", "cli.local.azure.servicebus", str(port), str(admin), file]
    with started("servicebus", argv, folder, {"PYTHONPATH": str(ROOT)}) as process:
        until_ready(process, lambda: accepts(port) and accepts(admin))
        yield StandIn(port, f"http://127.0.0.1:{admin}", process)


@contextmanager
def cosmos(folder: Path, account: Mapping[str, Any] = ACCOUNT) -> Iterator[StandIn]:
    file = folder / "cosmos.json"
    file.write_text(json.dumps(account))
    (port,) = free_ports(1)
    argv: list[str | Path] = [sys.executable, "-m", "cli.local.azure.cosmos", str(port), file]
    with started("cosmos", argv, folder, {"PYTHONPATH": str(ROOT)}) as process:
        until_ready(process, lambda: accepts(port))
        yield StandIn(port, f"http://127.0.0.1:{port}/stand-in", process)


@contextmanager
def sidecar(
    program: Path, folder: Path, bus: int, store: int, *, app_id: str, app_port: int | None = None
) -> Iterator[Daprd]:
    """With the shipped components, pointed at other ports."""
    ports = {"127.0.0.1:3900": f"127.0.0.1:{bus}", "127.0.0.1:3902": f"127.0.0.1:{store}"}
    with daprd(program, folder, ports, components=COMPONENTS, app_id=app_id, app_port=app_port) as running:
        yield running


@dataclass(frozen=True)
class OnAzure:
    bus: StandIn
    store: StandIn
    sidecar: Daprd


@contextmanager
def on_azure(
    program: Path,
    folder: Path,
    topics: Mapping[str, Sequence[str]],
    *,
    app_id: str = "tests",
    app_port: int | None = None,
    topic: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[OnAzure]:
    with ExitStack() as stack:
        bus = stack.enter_context(service_bus(folder, topics, topic=topic, **settings))
        store = stack.enter_context(cosmos(folder))
        running = stack.enter_context(
            sidecar(program, folder, bus.port, store.port, app_id=app_id, app_port=app_port)
        )
        yield OnAzure(bus, store, running)
