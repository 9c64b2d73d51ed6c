"""The stand-ins of Azure's services that a start needs, and what waits in them: those that its components name on this machine."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import probe
from cli.local.manifest import shifted_address
from cli.local.probe import Probe
from cli.local.resources import Resource

SERVICE_BUS, COSMOS = "service-bus", "cosmos"
_KINDS = {
    "pubsub.azure.servicebus.topics": (
        SERVICE_BUS,
        "connectionString",
        re.compile(r"Endpoint=sb://([^/;]+)"),
    ),
    "state.azure.cosmosdb": (COSMOS, "url", re.compile(r"https?://([^/]+)")),
}
_FILES = {SERVICE_BUS: "servicebus.json", COSMOS: "cosmos.json"}


@dataclass(frozen=True)
class StandIn:
    """`described` says what is in it: topics and subscriptions, or containers."""

    name: str
    address: str
    described: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def ports(self) -> dict[str, int]:
        """What each is for. Service Bus is looked into at the next port: its own speaks AMQP alone."""
        if self.name == SERVICE_BUS:
            return {"AMQP": self.port, "admin": self.port + 1}
        return {"HTTP": self.port}

    @property
    def probe(self) -> Probe:
        if self.name == SERVICE_BUS:
            return probe.http(self.ports["admin"], "/health", 200)
        return probe.http(self.port, "/stand-in/health", 200)

    @property
    def argv(self) -> list[str | Path]:
        module = {SERVICE_BUS: "servicebus", COSMOS: "cosmos"}[self.name]
        ports = [str(port) for port in self.ports.values()]
        return [sys.executable, "-m", f"cli.local.azure.{module}", *ports, self.described]


def stand_ins(resources: Iterable[Resource], offset: int) -> list[StandIn]:
    """One for each Azure component whose address is on loopback; what is elsewhere is Azure's own, and nothing to start."""
    found: dict[str, StandIn] = {}
    for resource in resources:
        name, item, address = _address(resource)
        if name is None or not address.startswith("127.0.0.1:"):
            continue
        described = resource.file.with_name(_FILES[name])
        if not described.is_file():
            raise CommandError(
                f"{resource.file}: {item} is on this machine, and {described} is missing, which says what is there",
                hint="`python -m cli.documents` writes it",
                code=ExitCode.INVALID,
            )
        found[name] = StandIn(name, str(shifted_address(address, offset)), described)
    return list(found.values())


def backlog(service_bus: StandIn) -> dict[str, Any]:
    """What waits and is in work, as of Redis but for its age; and how much the broker gave up by itself, which should be none."""
    url = f"http://127.0.0.1:{service_bus.ports['admin']}/subscriptions"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        return {"address": service_bus.address, "error": str(error)}
    entries = [
        {
            "topic": path.split("/")[0],
            "agent": path.split("/")[-1],
            "waiting": one["waiting"],
            "pending": one["locked"],
            "oldest_s": None,
        }
        for path, one in found.items()
    ]
    given_up = sum(len(one["dead_letters"]) for one in found.values())
    return {"address": service_bus.address, "backlog": entries, "dead_letters": given_up}


def _address(resource: Resource) -> tuple[str | None, str, str]:
    if resource.type not in _KINDS:
        return None, "", ""
    name, item, pattern = _KINDS[resource.type]
    value = str(resource.metadata.get(item) or "")
    match = pattern.search(value)
    if value and match is None:
        raise CommandError(
            f"{resource.file}: {item} of {resource.name} names no address",
            hint="Service Bus: Endpoint=sb://HOST;SharedAccessKeyName=…;SharedAccessKey=…; Cosmos DB: https://HOST:PORT",
            code=ExitCode.INVALID,
        )
    return name, item, match[1] if match else ""
