"""An agent that asks for a login, as it runs: its own process, real daprd and Redis, a real issuer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.issuer import AUDIENCE, SUBJECT, LocalIssuer, local_issuer
from tests.support.planted import plant
from tests.support.processes import Daprd, Redis, daprd
from tests.support.raw_http import Answer, get, post, send

pytestmark = pytest.mark.integration
APP_TOKEN = plant("APP_API_TOKEN of a login", "planted7app6RtY1uWe")
HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def own_sidecar(
    programs: Programs, redis: Redis, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daprd]:
    folder: Path = tmp_path_factory.mktemp("sidecar")
    assert programs.daprd is not None
    env = {"APP_API_TOKEN": APP_TOKEN}
    with daprd(programs.daprd, folder, redis.port, app_id="service-desk", app_port=port, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def desk(
    own_sidecar: Daprd, port: int, issuer: LocalIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgentProcess]:
    folder: Path = tmp_path_factory.mktemp("desk")
    env = {
        "AGENTS_HOST": "0.0.0.0",
        "APP_API_TOKEN": APP_TOKEN,
        "AGENTS_OIDC_ISSUER": issuer.url,
        "AGENTS_OIDC_AUDIENCE": AUDIENCE,
        "AGENTS_LOG_LEVEL": "debug",
        "AGENTS_LOG_FORMAT": "json",
        "AGENTS_RATE_LIMIT": "5",
    }
    with (
        model_server() as model,
        agent_process("agents.service_desk:AGENT", folder, own_sidecar, model.url, env, port=port) as running,
    ):
        yield running
        assert "Traceback" not in running.log


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def replay(desk: AgentProcess, token: str) -> Answer | None:
    return post(desk.port, f"/api/service-desk/dead-letters/{NOBODY}/replay", b"", bearer(token))


def test_it_is_open_to_those_who_log_in_and_records_what_they_do(
    desk: AgentProcess, issuer: LocalIssuer
) -> None:
    anonymous = get(desk.port, "/api/service-desk/tasks")
    assert anonymous is not None
    assert (anonymous.status, anonymous.headers["www-authenticate"]) == (401, "Bearer")

    operator = issuer.token("Agents.Operator")
    for token, status in ((operator, 404), (issuer.token("Agents.Viewer"), 403), (operator + "x", 401)):
        answer = replay(desk, token)
        assert answer is not None
        assert answer.status == status

    trail = get(desk.port, "/api/service-desk/audit", bearer(issuer.token("Agents.Admin", sub="auditor")))
    assert trail is not None
    (record,) = json.loads(trail.body)["audit"]
    assert (record["who"], record["act"], record["target"]) == (
        f"subjects/{SUBJECT}",
        "dead-letters.replay",
        NOBODY,
    )
    assert (record["result"], record["error"]) == ("failed", "unknown_dead_letter")

    told = [json.loads(line) for line in desk.log.splitlines() if '"agents.audit"' in line]
    assert [(line["who"], line["act"], line["result"]) for line in told] == [
        (f"subjects/{SUBJECT}", "dead-letters.replay", "failed"),
        (f"subjects/{SUBJECT}", "dead-letters.replay", "refused"),
    ]
    assert operator.rpartition(".")[2] not in desk.log
    assert APP_TOKEN not in desk.log


def test_every_answer_has_the_security_headers_and_names_no_server(
    desk: AgentProcess, issuer: LocalIssuer
) -> None:
    viewer = bearer(issuer.token("Agents.Viewer"))
    answers = [
        get(desk.port, "/healthz"),
        get(desk.port, "/docs", viewer),
        get(desk.port, "/nonsense", viewer),
        get(desk.port, "/api/service-desk/tasks"),
        send(desk.port, b"nonsense\r\n\r\n"),
        send(desk.port, b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 200_000),
    ]
    assert [answer and answer.status for answer in answers] == [200, 200, 404, 401, 400, 431]
    for answer in answers:
        assert answer is not None
        assert HEADERS.items() <= answer.headers.items()
        assert not {"server", "x-powered-by", "access-control-allow-origin"} & answer.headers.keys()


def test_through_the_sidecar_it_counts_who_the_caller_is(
    desk: AgentProcess, own_sidecar: Daprd, issuer: LocalIssuer
) -> None:
    """daprd hands on the caller's Authorization, and adds the APP_API_TOKEN of its own."""
    del desk
    root = "/v1.0/invoke/service-desk/method/api/service-desk"
    forged = issuer.token("Agents.Admin", sub="forger") + "x"
    for path, headers, status in (
        ("/tasks", [], 200),
        ("/audit", [], 403),
        ("/audit", [bearer(issuer.token("Agents.Admin", sub="invoker"))], 200),
        ("/tasks", [bearer(forged)], 401),
    ):
        answer = get(own_sidecar.http_port, root + path, *headers)
        assert answer is not None
        assert answer.status == status, (path, answer.body)


def test_who_asks_too_often_is_told_when_to_come_again(desk: AgentProcess, issuer: LocalIssuer) -> None:
    hasty = bearer(issuer.token("Agents.Viewer", sub="hasty"))
    answers = [get(desk.port, "/api/service-desk/tasks", hasty) for _ in range(30)]
    refused = [answer for answer in answers if answer is not None and answer.status == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].error["code"] == "too_many_requests"
