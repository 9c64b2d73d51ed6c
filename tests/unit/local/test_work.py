"""How agents keep up, put together from what supervisor, Redis and metrics tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli.local.work import duplicates, work_by_agent

TOKEN = {"Authorization": "Bearer agk_1"}
METRICS = b"""\
# TYPE agents_duplicates_total counter
agents_duplicates_total{agent="alpha"} 3.0
agents_duplicates_total{agent="alpha",more="x"} 1.0
agents_duplicates_total_created{agent="alpha"} 1.7e9
agents_claims_total{agent="alpha",task="t"} 9.0
"""


@pytest.fixture
def replica() -> Iterator[str]:
    """The address of something that serves metrics to those who log in."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == TOKEN["Authorization"]
            self.send_response(404 if self.path != "/metrics" else 200 if known else 401)
            self.send_header("Content-Length", str(len(METRICS)))
            self.end_headers()
            self.wfile.write(METRICS)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def service(agent: str | None, address: str, *, state: str = "ready", role: str = "app") -> dict[str, object]:
    return {"agent": agent, "address": address, "state": state, "role": role}


def entry(agent: str, waiting: int, pending: int, oldest: float | None) -> dict[str, object]:
    return {"topic": "t", "agent": agent, "waiting": waiting, "pending": pending, "oldest_s": oldest}


def test_replicas_are_counted_together(replica: str) -> None:
    services = [
        service("alpha", replica),
        service("alpha", replica, role="sidecar"),
        service("alpha", replica),
        service("beta", replica, state="backoff"),
        service(None, replica, role="infrastructure"),
    ]
    backlog = [entry("alpha", 2, 1, 3.5), entry("alpha", 0, 4, 7.0), entry("stranger", 1, 1, 99.0)]
    assert work_by_agent(services, backlog, TOKEN) == [
        {"agent": "alpha", "replicas": 2, "waiting": 2, "in_work": 5, "oldest_s": 7.0, "redeliveries": 8},
        {"agent": "beta", "replicas": 1, "waiting": 0, "in_work": 0, "oldest_s": None, "redeliveries": None},
    ]


def test_a_replica_that_does_not_answer_tells_nothing() -> None:
    assert duplicates("http://127.0.0.1:1", TOKEN) is None


def test_who_is_not_logged_in_is_told_nothing(replica: str) -> None:
    assert duplicates(replica, {}) is None
