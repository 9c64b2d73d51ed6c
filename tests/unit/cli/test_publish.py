from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli import given
from cli.vocabulary import known_events
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import write_manifest
from tests.unit.cli.two_agents import PLANNER, READER

TICKET = {
    "ticket_id": "TICKET-1",
    "title": "VPN drops",
    "description": "Every few minutes.",
    "reporter": "ann@example.com",
}


class Sidecar(HTTPServer):
    """Stands for a sidecar's HTTP API: remembers what was published, answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, str], dict[str, object]]] = []
        self.status = 204
        self.answer = b""


class _Handler(BaseHTTPRequestHandler):
    server: Sidecar

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def sidecar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sidecar]:
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "DAPR_API_TOKEN", "AGENTS_PUBSUB"):
        monkeypatch.delenv(name, raising=False)
    with Sidecar() as running:
        write_manifest(tmp_path, [PLANNER.name, READER.name], [1, 2], running.server_port)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_known_event_goes_out_as_a_structured_cloudevent(sidecar: Sidecar, agents: Call) -> None:
    words = ["--id", "e-1", "--source", "/tests", "--subject", "tickets/1", "--correlation", "spring"]

    done = agents("publish", "agents.servicedesk.ticket.created", "--data", json.dumps(TICKET), *words)

    assert done.exit_code == 0, done.stderr
    [(path, headers, event)] = sidecar.requests
    assert path == "/v1.0/publish/agents-pubsub/agents.servicedesk.ticket.created"
    assert headers["content-type"] == "application/cloudevents+json"
    assert "dapr-api-token" not in headers
    assert event.pop("time")
    assert event == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/tests",
        "type": "agents.servicedesk.ticket.created",
        "subject": "tickets/1",
        "datacontenttype": "application/json",
        "dataschema": "urn:my-agents:schema:agents.servicedesk.ticket.created:1.0",
        "correlationid": "spring",
        "data": TICKET,
    }
    assert done.stdout.splitlines() == [
        "published agents.servicedesk.ticket.created e-1 through the sidecar of planner",
        "next: agents chain -f spring",
    ]


def test_without_one_the_correlation_id_is_the_events_id(sidecar: Sidecar, agents: Call) -> None:
    done = agents(
        "publish", "agents.servicedesk.ticket.created", "--data", "-", "--json", stdin=json.dumps(TICKET)
    )

    event = json.loads(done.stdout)
    assert event["correlationid"] == event["id"]
    assert sidecar.requests[0][2] == event


def test_a_payload_that_does_not_fit_is_refused_field_by_field_unless_forced(
    sidecar: Sidecar, agents: Call
) -> None:
    words = ["publish", "agents.servicedesk.ticket.created", "--data", json.dumps({**TICKET, "title": 7})]

    refused = agents(*words)

    assert refused.exit_code == 2
    assert refused.stderr == (
        "error: the payload does not fit agents.servicedesk.ticket.created:\n"
        "  title: Input should be a valid string\n"
        "  --force publishes it all the same\n"
    )
    assert sidecar.requests == []
    assert agents(*words, "--force").exit_code == 0
    assert "dataschema" not in sidecar.requests[0][2]


def test_an_unknown_type_is_answered_with_the_nearest_one_unless_forced(
    sidecar: Sidecar, agents: Call
) -> None:
    refused = agents("publish", "agents.servicedesk.ticket.creted", "--data", "{}")

    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[0] == (
        "error: no agent knows the event type 'agents.servicedesk.ticket.creted'; "
        "did you mean agents.servicedesk.ticket.created?"
    )
    forced = agents("publish", "shop.order.placed", "--data", '{"n": 1}', "--force", "--id", "e-1")
    assert forced.stdout == "published shop.order.placed e-1 through the sidecar of planner\n"
    assert sidecar.requests[0][0] == "/v1.0/publish/agents-pubsub/shop.order.placed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "{"], "--data is not JSON: EOF while parsing an object at line 1 column 1"),
        (["--data", '"\\ud800"'], "--data is not JSON: "),
        (["--data", "@nowhere.json"], "--data: cannot read nowhere.json: No such file or directory"),
        (
            ["--data", json.dumps(TICKET), "--subject", ""],
            "no CloudEvent: Attribute 'subject' must not be empty",
        ),
    ],
)
def test_what_is_no_event_is_refused(sidecar: Sidecar, agents: Call, words: list[str], message: str) -> None:
    refused = agents("publish", "agents.servicedesk.ticket.created", *words)

    assert refused.exit_code == 2
    assert message in refused.stderr
    assert sidecar.requests == []


def test_the_sidecars_token_is_sent_and_its_refusal_explained(
    sidecar: Sidecar, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "letmein")
    words = ["publish", "agents.servicedesk.ticket.created", "--data", json.dumps(TICKET)]

    assert agents(*words).exit_code == 0
    assert sidecar.requests[0][1]["dapr-api-token"] == "letmein"
    sidecar.status = 401
    refused = agents(*words)
    assert refused.exit_code == 6
    assert refused.stderr == "error: the sidecar of planner asks for a token\n  export its DAPR_API_TOKEN\n"
    sidecar.status = 500
    assert agents(*words).exit_code == 1


def test_a_broker_that_refuses_is_told_with_its_reason_in_one_line(sidecar: Sidecar, agents: Call) -> None:
    reason = "OOM command not allowed when used memory > 'maxmemory'."
    context = "error publish message to topic t in pubsub agents-pubsub: redis streams: error from publish"
    told = {"errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE", "message": f"{context}: {reason}", "details": []}
    sidecar.status, sidecar.answer = 500, json.dumps(told).encode()

    refused = agents("publish", "agents.servicedesk.ticket.created", "--data", json.dumps(TICKET))

    assert refused.exit_code == 1
    assert refused.stderr == (
        f"error: the sidecar of planner refuses the event: {reason}\n  agents doctor tells more of the broker\n"
    )
    sidecar.answer = b""
    refused = agents("publish", "agents.servicedesk.ticket.created", "--data", json.dumps(TICKET))
    assert refused.stderr.splitlines()[0] == "error: the sidecar of planner refuses the event: HTTP 500"


def test_input_that_is_no_text_is_refused_with_the_place_of_its_first_such_byte(
    agents: Call, tmp_path: Path
) -> None:
    text = b'{"title": "caf\xe9"}'
    (tmp_path / "latin.json").write_bytes(text)
    for said, where in (("-", "standard input"), (f"@{tmp_path}/latin.json", f"{tmp_path}/latin.json")):
        refused = agents("publish", "agents.servicedesk.ticket.created", "--data", said, stdin=text)
        assert refused.exit_code == 2
        assert f"--data: {where} is not UTF-8 text: byte 15 of it is 0xe9" in refused.stderr


def test_a_payload_without_end_is_refused_unread(
    sidecar: Sidecar, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert given.MAX_BYTES == 64 * 2**20
    monkeypatch.setattr(given, "MAX_BYTES", 2**20)
    refused = agents("publish", "agents.servicedesk.ticket.created", "--data", "@/dev/zero")
    assert refused.exit_code == 2
    assert "--data: /dev/zero is larger than 1 MiB" in refused.stderr
    refused = agents("publish", "agents.servicedesk.ticket.created", "--data", "-", stdin=b"0" * (2**20 + 1))
    assert "--data: standard input is larger than 1 MiB" in refused.stderr
    assert sidecar.requests == []


def test_the_next_command_works_when_it_is_typed(sidecar: Sidecar, agents: Call) -> None:
    words = ["publish", "agents.servicedesk.ticket.created", "--data", json.dumps(TICKET)]
    shown = agents(*words, "--correlation", "it's a b")
    typed = shown.stdout.splitlines()[1].removeprefix("next: ")
    assert shlex.split(typed) == ["agents", "chain", "-f", "it's a b"]


def test_the_vocabulary_holds_the_event_types_of_all_agents() -> None:
    types = set(known_events())

    assert {
        "agents.devops.issue.created",
        "agents.implementation.code.generated",
        "agents.notification.send.requested",
        "agents.servicedesk.ticket.created",
        "agents.testplanning.spec.generated",
    } <= types
