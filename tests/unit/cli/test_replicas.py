"""Agents of which several replicas run: where they are, and which one is asked."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.addresses import Addresses
from cli.client import agent_clients
from cli.local import control
from cli.local.instance import find_instance
from cli.refusals import Interrupted, Refusal, Unreachable
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import write_manifest

ENTRY = {"direction": "received", "topic": "a.made", "event": {"id": "e", "source": "/s", "type": "a.made"}}


class Replica(ThreadingHTTPServer):
    """Answers every request with `status` and its own name; its journal holds one event."""

    def __init__(self, port: int, name: str, status: int = 200) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.name = name
        self.status = status
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Replica

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.status == 0:  # killed in the middle
            self.close_connection = True
            return
        if self.path.endswith("/events/stream"):
            entry = {**ENTRY, "at": f"2026-11-21T12:00:0{self.server.name[-1]}+00:00"}
            entry["event"] = {**ENTRY["event"], "id": self.server.name}  # type: ignore[dict-item]  # it is a mapping
            self._send(f"event: entry\ndata: {json.dumps(entry)}\n\n".encode())
        elif self.server.status >= 400:
            self._send(b'{"error": {"code": "unavailable", "message": "its sidecar is away"}}')
        else:
            self._send(json.dumps({"tasks": [], "told_by": self.server.name}).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, content: bytes) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(port: int, name: str, status: int = 200) -> Iterator[Replica]:
    with Replica(port, name, status) as replica:
        thread = threading.Thread(target=replica.serve_forever, args=(0.02,))
        thread.start()
        yield replica
        replica.shutdown()
        thread.join()


def free() -> int:
    """A port that is free, as are those of a second and a third replica; below those that the system gives out."""
    for port in range(20_000 + os.getpid() % 8_000, 32_000):
        try:
            for one in (port, port + 1, port + 10, port + 20):
                socket.create_server(("127.0.0.1", one)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no free ports")


@pytest.fixture
def first() -> int:
    return free()


@pytest.fixture
def project(first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three readers are wanted, 10 ports apart."""
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR", "AGENTS_URL_READER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENTS_REPLICAS", "reader=3")
    write_manifest(tmp_path, ["reader", "planner"], [first, first + 1], 1)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_without_a_supervisor_replicas_are_where_they_would_be_started(first: int) -> None:
    assert Addresses(find_instance()).of("reader") == {
        "reader": f"http://127.0.0.1:{first}",
        "reader-2": f"http://127.0.0.1:{first + 10}",
        "reader-3": f"http://127.0.0.1:{first + 20}",
    }
    assert Addresses(find_instance()).of("planner") == {"planner": f"http://127.0.0.1:{first + 1}"}


@pytest.mark.usefixtures("project")
async def test_a_supervisor_tells_where_the_replicas_are() -> None:
    instance = find_instance()
    apps = [
        {"name": name, "role": "app", "agent": "reader", "address": f"http://127.0.0.1:{port}"}
        for name, port in (("reader", 1), ("reader-2", 2))
    ]
    sidecar = {"name": "reader.daprd", "role": "sidecar", "agent": "reader", "address": "http://127.0.0.1:3"}
    with control.exclusive(instance):
        server = await control.serve(instance, lambda _: {"services": [*apps, sidecar]})
        found = await asyncio.to_thread(Addresses(instance).of, "reader")
        server.close()
    assert found == {"reader": "http://127.0.0.1:1", "reader-2": "http://127.0.0.1:2"}


@pytest.mark.usefixtures("project")
def test_when_the_first_replica_does_not_answer_the_next_is_asked_and_remembered(first: int) -> None:
    client = agent_clients()["reader"]
    with serving(first + 20, "reader-3"):
        assert client.get("/x")["told_by"] == "reader-3"
        assert client.call("POST", "/x", {}).document["told_by"] == "reader-3"
        with serving(first, "reader-1") as again:
            assert client.get("/x")["told_by"] == "reader-3"
            assert again.asked == []


@pytest.mark.usefixtures("project")
def test_when_no_replica_answers_it_is_the_first_that_is_told_of(first: int) -> None:
    with pytest.raises(Unreachable) as refused:
        agent_clients()["reader"].get("/x")
    assert refused.value.message.startswith(f"reader does not answer at http://127.0.0.1:{first}: ")


@pytest.mark.parametrize("status", [0, 503])
@pytest.mark.usefixtures("project")
def test_a_question_goes_on_to_the_next_replica_when_one_breaks_off_or_lacks_something(
    first: int, status: int
) -> None:
    with serving(first, "reader-1", status), serving(first + 10, "reader-2") as second:
        assert agent_clients()["reader"].get("/x")["told_by"] == "reader-2"
        with pytest.raises((Interrupted, Refusal)):
            agent_clients()["reader"].call("POST", "/x", {})  # who knows whether it was taken
        assert second.asked == ["/api/reader/x"]


@pytest.mark.usefixtures("project")
def test_an_agent_that_listens_elsewhere_has_no_replicas_here(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTS_URL_READER", f"http://127.0.0.1:{first + 2}")
    with serving(first, "reader-1"), pytest.raises(Unreachable):
        agent_clients()["reader"].get("/x")


@pytest.mark.usefixtures("project")
def test_events_are_those_of_all_replicas_and_one_that_is_away_is_named(first: int, agents: Call) -> None:
    with serving(first, "reader-1"), serving(first + 20, "reader-3"):
        shown = agents("events", "reader", "--json")
    told = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(one["agent"], one["replica"], one["event"]["id"]) for one in told] == [
        ("reader", "reader", "reader-1"),
        ("reader", "reader-3", "reader-3"),
    ]
    assert shown.exit_code == 4
    assert f"reader-2 does not answer at http://127.0.0.1:{first + 10}" in shown.stderr
