"""The driver's end of the outside world."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.system import ROOT
from tests.faults.outside.model import KEY, MODEL


class OutsideWorld:
    """`environment` is what the system under test has to be told of it."""

    def __init__(self, http: int, smtp: int) -> None:
        self._base = f"http://127.0.0.1:{http}"
        self.http, self.smtp = http, smtp

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"{self._base}/v1",
            "OPENAI_API_KEY": KEY,
            "OPENAI_MODEL": MODEL,
            "AGENTS_SMTP_HOST": "127.0.0.1",
            "AGENTS_SMTP_PORT": str(self.smtp),
        }

    @property
    def webhook(self) -> dict[str, str]:
        return {"AGENTS_NOTIFICATION_WEBHOOK_URL": f"{self._base}/hook"}

    def behave(self, **wanted: Any) -> None:
        """`delay=(low, high)` in seconds; `faults={run: [kind, …]}`; `keep=[run]`: its events, to be sent again."""
        request = urllib.request.Request(f"{self._base}/behave", json.dumps(wanted).encode())
        with urllib.request.urlopen(request, timeout=10):
            pass

    def progress(self, run: str) -> dict[str, int]:
        found: dict[str, int] = self._get(f"/progress/{run}")
        return found

    def figures(self, run: str, since: float) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"/figures/{run}?since={since}")
        return found

    def kept(self, run: str) -> list[tuple[str, bytes]]:
        """Topic and message of each event of a run that was to be kept."""
        return [(topic, text.encode()) for topic, text in self._get(f"/kept/{run}")]

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._base + path, timeout=60) as response:
            return json.load(response)


@contextmanager
def outside_world(redis_port: int, seed: int) -> Iterator[OutsideWorld]:
    """In a process of its own, so that a busy driver never makes it slow."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.outside", str(redis_port), str(seed)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = json.loads(process.stdout.readline())
        yield OutsideWorld(**ports)
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
