"""A real Ollama with SmolLM2-135M-Instruct, for tests: its own port, its own models folder, started once."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.model import NAME, ensure_model
from cli.local.ports import free_ports
from cli.local.provision.run import Programs

OLLAMA_MODEL = NAME


@pytest.fixture(scope="session")
def ollama(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Ollama that has the model."""
    assert programs.ollama is not None
    assert programs.model is not None
    home = tmp_path_factory.mktemp("ollama")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OLLAMA_HOST": address,
        "OLLAMA_MODELS": str(home / "models"),
        "OLLAMA_NUM_PARALLEL": "2",
        "OLLAMA_CONTEXT_LENGTH": "4096",
    }
    log = home / "ollama.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [programs.ollama, "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_up(server, f"http://{address}/api/version", log)
        ensure_model(f"http://{address}", programs.model)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_until_up(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"Ollama did not start:\n{log.read_text()[-2000:]}")
