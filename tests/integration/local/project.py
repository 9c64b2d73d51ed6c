"""A project of stub agents on free ports, and the real `agents` command run on it as a user does."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.local.manifest import ports_of, read_manifest
from cli.local.ports import holders
from tests.support.planted import ENVIRONMENT

ROOT = Path(__file__).parents[3]
STUB = Path(__file__).with_name("stub_app.py")
APPS = {"alpha": (7268, 3501, 3601, 3701, 3801), "beta": (7108, 3502, 3602, 3702, 3802)}


class Project:
    """A folder with a dapr.yaml, and the environment under which its `agents` commands run."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.root = root
        self.offset = _free_offset()
        self.env = {
            **os.environ,
            "AGENTS_PORT_OFFSET": str(self.offset),
            "PYTHONPATH": str(ROOT),
            "LLM_PROVIDER": "openai",
            "NO_COLOR": "1",
            **ENVIRONMENT,
            **environment,
        }
        self.started: list[subprocess.Popen[str]] = []

    @property
    def run_folder(self) -> Path:
        return self.root / ".run" / f"offset-{self.offset}"

    def write(self, **modes: str) -> None:
        apps = [
            {
                "appID": name,
                "appDirPath": ".",
                "appPort": app,
                "daprHTTPPort": http,
                "daprGRPCPort": grpc,
                "metricsPort": metrics,
                "daprInternalGRPCPort": internal,
                "command": [sys.executable, str(STUB), modes.get(name, "good")],
            }
            for name, (app, http, grpc, metrics, internal) in APPS.items()
        ]
        common = {
            "resourcesPaths": ["components/redis"],
            "configFilePath": "components/redis/config.yaml",
            "placementHostAddress": "127.0.0.1:50005",
            "schedulerHostAddress": "127.0.0.1:50006",
        }
        shutil.copytree(ROOT / "components" / "redis", self.root / "components" / "redis", dirs_exist_ok=True)
        (self.root / "dapr.yaml").write_text(json.dumps({"version": 1, "common": common, "apps": apps}))

    def agents(self, *words: str, timeout: float = 60, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=self.root,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """A command in the background, in a group of its own as a shell would give it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.agents("status", "--json").stdout)
        return status

    def service(self, name: str) -> dict[str, Any]:
        return next(one for one in self.status()["services"] if one["name"] == name)

    def url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{APPS[name][0] + self.offset}{path}"

    def sidecar(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{APPS[name][1] + self.offset}{path}"

    def pids(self) -> set[int]:
        """All processes that belong to this instance, found by its run folder or ports and not by what it says."""
        return {pid for pid in _all_pids() if self._belongs(pid)}

    def _belongs(self, pid: int) -> bool:
        with suppress(OSError):
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            # Redis writes its title over its environment.
            title = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].strip()
            ours = f"AGENTS_PORT_OFFSET={self.offset}".encode() in environ
            return (ours or title.endswith(f":{6379 + self.offset}".encode())) and pid != os.getpid()
        return False

    def clear(self) -> None:
        self.agents("down")
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def eventually(check: Callable[[], object], within: float, every: float = 0.03) -> float:
    """Seconds until the check holds; fails when it does not in time."""
    started = time.monotonic()
    while True:
        with suppress(OSError, ValueError, StopIteration):
            if check():
                return time.monotonic() - started
        assert time.monotonic() - started < within, f"not within {within} s"
        time.sleep(every)


def answers(url: str, want: int = 200) -> bool:
    with urllib.request.urlopen(url, timeout=0.5) as answer:  # noqa: S310
        return bool(answer.status == want)


def listening(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True


def output_of(process: "subprocess.Popen[str]") -> str:
    """What it printed, to the end."""
    assert process.stdout is not None
    return process.stdout.read()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        return str(answer.read(), "utf-8")


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _free_offset() -> int:
    # With room for three replicas of each.
    first = {port for app in read_manifest(ROOT / "dapr.yaml") for port in ports_of(app).values()}
    first |= {port for ports in APPS.values() for port in ports}
    ports = [port + 10 * replica for port in first for replica in range(3)]
    ports += [6379, 50005, 50006, 11434, 1025, *range(3890, 3897)]
    while True:
        # From 11,000 on, the control plane's ports lie above those that outgoing connections take.
        offset = random.SystemRandom().randrange(11_000, 15_000, 10)
        if not holders(port + offset for port in ports):
            return offset
