"""Two regions of Azure OpenAI before the model of the outside world; each can die, freeze and fail."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from cli.local.ports import free_ports
from tests.faults.outside.client import OutsideWorld
from tests.faults.outside.model import KEY
from tests.integration.local.project import ROOT
from tests.stand_ins.azure_openai import API_VERSION, AZURE_KEY, DEPLOYMENT

NAMES = ("west", "north")
TIMEOUT = 1.5
"""Seconds that a model may take while another is left, five times as long as the slowest answer: what a hang costs."""


class Region:
    def __init__(self, name: str, port: int, backend: str) -> None:
        self.name, self.port, self._backend = name, port, backend
        self.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = [str(self.port), self.name, f"{self._backend}/v1", KEY]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stand_ins.azure_region", *words],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "serving\n", f"the region {self.name} did not start"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def freeze(self) -> None:
        """Connections are taken by the kernel, and nobody ever answers: what came meanwhile is lost in the thaw, too."""
        self.tell(fault="hang")
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        self.tell(fault="")

    def tell(self, **told: Any) -> None:
        """`fault=` `503`, `reset`, `hang` or nothing; `keys=` those that it knows."""
        self._ask("POST", json.dumps(told).encode())

    def did(self) -> dict[str, int]:
        """How many calls it `answered`, and `refused` for their key, since it started."""
        found: dict[str, int] = json.loads(self._ask("GET"))
        return found

    def _ask(self, method: str, body: bytes | None = None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, "/stand-in", body)
            return connection.getresponse().read()
        finally:
            connection.close()


@asynccontextmanager
async def regions(outside: OutsideWorld) -> AsyncIterator[list[Region]]:
    ports = free_ports(len(NAMES))
    made: list[Region] = []
    try:
        for name, port in zip(NAMES, ports, strict=True):
            made.append(await asyncio.to_thread(Region, name, port, outside.base))
        yield made
    finally:
        for region in made:
            region.kill()


def models_of(found: list[Region], file: Path) -> dict[str, str]:
    """Write the file that names them, the first with the second to answer instead; what an agent has to be told."""
    lines = ["models:"]
    for number, region in enumerate(found):
        lines += [
            f"  {region.name}:",
            "    provider: azure-openai",
            f"    address: {region.endpoint}",
            f"    deployment: {DEPLOYMENT}",
            f"    api_version: {API_VERSION}",
            f"    key: {region.name.upper()}_KEY",
            f"    timeout: {TIMEOUT}s",
            "    prices: free",
        ]
        if number + 1 < len(found):
            lines.append(f"    fallbacks: [{found[number + 1].name}]")
    file.write_text("\n".join([*lines, "tasks:", f"  default: {found[0].name}", ""]))
    keys = {f"{region.name.upper()}_KEY": AZURE_KEY for region in found}
    return {"AGENTS_MODELS": str(file), **keys}
