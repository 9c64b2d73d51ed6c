"""The driver's end of the outside world."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from tests.faults.outside.model import KEY, MODEL
from tests.integration.local.project import ROOT


class OutsideWorld:
    """`environment` is what the system under test has to be told of it."""

    def __init__(self, http: int, smtp: int) -> None:
        self.base = f"http://127.0.0.1:{http}"
        self.http, self.smtp = http, smtp

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": f"{self.base}/v1",
            "OPENAI_API_KEY": KEY,
            "OPENAI_MODEL": MODEL,
            "AGENTS_SMTP_HOST": "127.0.0.1",
            "AGENTS_SMTP_PORT": str(self.smtp),
        }

    @property
    def webhook(self) -> dict[str, str]:
        return {"AGENTS_NOTIFICATION_WEBHOOK_URL": f"{self.base}/hook"}

    def behave(self, **wanted: Any) -> None:
        """`delay=(low, high)` in seconds; `faults={run: [kind, …]}`; `keep=[run]`: its events, to be sent again."""
        self._ask("/behave", json.dumps(wanted).encode())

    def progress(self, run: str) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._ask(f"/progress/{run}"))
        return found

    def figures(self, run: str, since: float) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._ask(f"/figures/{run}?since={since}"))
        return found

    def kept(self, run: str) -> list[tuple[str, bytes]]:
        """Topic and message of each event of a run that was to be kept."""
        return [(topic, text.encode()) for topic, text in json.loads(self._ask(f"/kept/{run}"))]

    def steps(self, run: str) -> dict[str, dict[str, float]]:
        """Chain → type → when the first event of it was seen (monotonic seconds)."""
        found: dict[str, dict[str, float]] = json.loads(self._ask(f"/steps/{run}"))
        return found

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.http, timeout=60)
        try:
            connection.request("GET" if body is None else "POST", path, body)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def outside_world(components: str, offset: int, seed: int) -> Iterator[OutsideWorld]:
    """In a process of its own, so that a busy driver never makes it slow."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.outside", components, str(offset), str(seed)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = json.loads(process.stdout.readline())
        yield OutsideWorld(**ports)
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
