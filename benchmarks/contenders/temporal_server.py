"""The server that the Temporal contender needs: built from the pinned Go module like our runtime, and how to start it."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from rich.console import Console

from cli.errors import CommandError
from cli.local.ports import free_ports
from cli.local.provision.cache import Cache, user_cache
from cli.local.provision.progress import Progress, Step
from cli.local.provision.toolchain import build, find_go, give_back_disk

_MODULE = Path(__file__).parent / "temporal" / "server"
_PACKAGE = "go.temporal.io/server/cmd/server"
_FLAGS = ("-ldflags=-s -w",)
_EXPECTED = 330.0  # seconds on two cores
_GIGABYTES = 6.0
_PINNED = re.compile(r"^\s*go\.temporal\.io/server v(\S+)", re.MULTILINE)
_PORTS = (
    "frontend", "http", "frontend_ring", "history", "history_ring", "matching", "matching_ring", "worker", "worker_ring",
)  # fmt: skip


@dataclass(frozen=True)
class TemporalServer:
    """One server to be started with `command`; it has begun when `ready` says so. Everything is in its memory."""

    command: Sequence[str | Path]
    address: str  # for TEMPORAL_ADDRESS
    http: str

    def ready(self) -> bool:
        """Whether it takes workflows. The namespace `default` is made on the way: a fresh server has none."""
        namespace = {"namespace": "default", "workflowExecutionRetentionPeriod": "86400s"}
        return self._answers("/cluster/namespaces", namespace) and self._answers(
            "/cluster/namespaces/default"
        )

    def _answers(self, path: str, body: object = None) -> bool:
        request = urllib.request.Request(  # noqa: S310  # our own server
            self.http + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)
        except urllib.error.HTTPError as error:
            return error.code == 409  # made already
        except OSError:
            return False


def temporal_server(program: Path, folder: Path) -> TemporalServer:
    """A server on free ports; its configuration goes into the folder."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
    config = folder / "temporal.yaml"
    config.write_text(Template((_MODULE / "config.yaml").read_text()).substitute(ports))
    return TemporalServer(
        (program, "--config-file", config, "--allow-no-auth", "start"),
        f"127.0.0.1:{ports['frontend']}",
        f"http://127.0.0.1:{ports['http']}",
    )


def temporal_version() -> str:
    found = _PINNED.search((_MODULE / "go.mod").read_text())
    assert found is not None  # noqa: S101 - what is built is pinned there
    return found.group(1)


async def provide_temporal(console: Console) -> Path:
    """The server's program, built once and kept in the cache of `agents provision`."""
    cache = user_cache(os.environ)
    pins = (_MODULE / "go.mod").read_bytes() + (_MODULE / "go.sum").read_bytes()
    folder = cache.folder(f"temporal-{temporal_version()}", pins, *_FLAGS)
    program = folder / "server"
    if folder.exists():
        return program
    progress = Progress(console)
    step = progress.step(f"Temporal server {temporal_version()}", _EXPECTED)
    async with progress.shown():
        try:
            async with cache.making(folder, step.says) as draft:
                if draft is not None:
                    await _build(cache, draft, step)
        except CommandError as error:
            step.failed(error.message)
            raise
        step.done(str(folder))
    give_back_disk(cache.root / "go")
    return program


async def _build(cache: Cache, draft: Path, step: Step) -> None:
    cache.need_space(_GIGABYTES, "building the Temporal server")
    # It wants a newer Go than most machines have; without a PATH the pinned one is taken.
    go = await find_go(cache, {**os.environ, "PATH": ""}, step)
    await build(
        go,
        _MODULE,
        [_PACKAGE],
        draft,
        flags=_FLAGS,
        log=cache.log("temporal"),
        title="building the Temporal server",
        step=step,
        extra_env={"CGO_ENABLED": "0"},
    )
