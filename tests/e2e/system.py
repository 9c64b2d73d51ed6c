"""The whole system, started from this checkout's own dapr.yaml as a user starts it, beside whatever else runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cli.local.manifest import read_manifest
from tests.integration.local.project import ROOT, _free_offset
from tests.support.planted import ENVIRONMENT


class System:
    """`agents` commands of one running copy: its own ports, data folder and environment.

    `project` is the folder whose dapr.yaml is started: this checkout's own, unless a test makes one of its own.
    """

    def __init__(self, run: Path, project: Path = ROOT, /, **environment: str) -> None:
        self.offset = _free_offset()
        self.run = run
        self.project = project
        self.env = {
            **os.environ,
            "AGENTS_PORT_OFFSET": str(self.offset),
            "AGENTS_RUN_DIR": str(run),
            "NO_COLOR": "1",
            **ENVIRONMENT,
            **environment,
        }
        self.apps = {app.app_id: app for app in read_manifest(ROOT / "dapr.yaml")}

    def agents(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=self.project, env=self.env, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def up(self, patience: int = 600) -> None:
        done = self.agents("up", "--detach", "--timeout", str(patience), timeout=patience + 60)
        assert done.returncode == 0, done.stdout + done.stderr

    def down(self) -> None:
        self.agents("down")

    def answer(self, *words: str, timeout: float = 120) -> Any:
        """What a command says with --json."""
        done = self.agents(*words, "--json", timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def url(self, agent: str, path: str) -> str:
        return f"http://127.0.0.1:{self.apps[agent].app_port + self.offset}{path}"

    def post(
        self, agent: str, task: str, body: object, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON body, also of errors."""
        request = urllib.request.Request(  # noqa: S310  # our own loopback address
            self.url(agent, f"/api/{agent}/{task}"),
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=180) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def kill(self, service: str) -> None:
        """SIGKILL one of the processes that `agents status` lists."""
        pid = next(one["pid"] for one in self.answer("status")["services"] if one["name"] == service)
        os.kill(pid, signal.SIGKILL)

    def mails(self) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self.answer("mail")
        return mails
