"""Callers who log in: what each role may, what the others are told, and what is kept of privileged acts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.execution import execution_id
from infrastructure.host import access
from infrastructure.identity.caller import Caller
from infrastructure.identity.identity import Identity
from infrastructure.identity.issuer import Issuer
from infrastructure.identity.keys import Key, Keyring, digest, new_key
from infrastructure.identity.limits import Limit
from infrastructure.identity.roles import PRIVILEGED, Role
from infrastructure.identity.tokens import Tokens
from tests.support.issuer import AUDIENCE, SUBJECT, LocalIssuer, local_issuer
from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample, said

APP_TOKEN = "the-sidecars-own"
KEY_ID, KEY = new_key()
NEEDED = {
    "GET /api/sample/audit": "read-audit",
    "GET /api/sample/correlations/{correlation:path}": "read-executions",
    "GET /api/sample/costs": "read-agent",
    "GET /api/sample/dead-letters": "read-executions",
    "GET /api/sample/dead-letters/{execution_id}": "read-executions",
    "POST /api/sample/dead-letters/{execution_id}/drop": "settle-dead-letters",
    "POST /api/sample/dead-letters/{execution_id}/replay": "settle-dead-letters",
    "GET /api/sample/entities/{kind}/{entity_id:path}": "read-executions",
    "GET /api/sample/events/stream": "read-executions",
    "POST /api/sample/execute": "run-tasks",
    "GET /api/sample/executions/{execution_id}": "read-executions",
    "POST /api/sample/executions/{execution_id}/feedback": "score-executions",
    "POST /api/sample/executions/{execution_id}/trial": "try-prompts",
    "GET /api/sample/prompts": "read-prompts",
    "GET /api/sample/prompts/{name}/versions/{version}": "read-prompts",
    "GET /api/sample/prompts/{name}/versions/{version}/diff": "read-prompts",
    "POST /api/sample/prompts/{name}/versions/{version}/render": "try-prompts",
    "POST /api/sample/prompts/{prompt}/promote": "release-prompts",
    "POST /api/sample/prompts/{prompt}/rollback": "release-prompts",
    "DELETE /api/sample/prompts/{prompt}/split": "release-prompts",
    "GET /api/sample/prompts/{prompt}/split": "read-prompts",
    "PUT /api/sample/prompts/{prompt}/split": "release-prompts",
    "GET /api/sample/prompts/{prompt}/stats": "read-prompts",
    "POST /api/sample/shout": "run-tasks",
    "POST /api/sample/shout/stream": "run-tasks",
    "GET /api/sample/tasks": "read-agent",
    "GET /docs": "read-agent",
    "GET /healthz": None,
    "GET /metrics": "read-agent",
    "GET /openapi.json": "read-agent",
    "GET /readyz": None,
}
"""Written out: a route that changes hands is seen here."""


class OneKey:
    """The ring without its file."""

    ring = Keyring([Key(KEY_ID, digest(KEY), (Role.DEVELOPER,))])

    async def caller(self, given: str) -> Caller:
        return self.ring.caller(given)

    async def follow(self) -> None: ...

    async def check(self) -> None: ...


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


@pytest.fixture
async def api(sample: Sample, issuer: LocalIssuer) -> AsyncIterator[Hosted]:
    identity = Identity(tokens=Tokens(Issuer(issuer.url), (AUDIENCE,)), keys=OneKey())
    async with hosted(
        sample.agent, identity=identity, host="0.0.0.0", app_api_token=SecretStr(APP_TOKEN)
    ) as running:
        running.service.journal.close()  # a watcher is let go at once
        yield running


async def ask(api: Hosted, method: str, path: str, bearer: str | None = None, **more: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    content = None if method == "GET" else b"{}"
    return await api.http.request(method, path, **({"headers": headers, "content": content} | more))


def routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    for route in app.routes:
        assert isinstance(route, APIRoute)
        for method in route.methods or ():
            yield f"{method} {route.path}", method, route


def path_of(route: APIRoute) -> str:
    return route.path_format.format_map(dict.fromkeys(route.param_convertors, "x"))


async def test_every_route_names_the_permission_that_it_needs(api: Hosted) -> None:
    told = {name: access.needed(route) for name, _, route in routes(api.app)}
    assert {name: permission.value if permission else None for name, permission in told.items()} == NEEDED


async def test_a_route_that_names_none_stops_the_start() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/open")(lambda: None)
    with pytest.raises(TypeError, match=r"/open.*put @needs\(Permission.…\) below"):
        access.require_declared(app.routes)


async def test_whatever_is_privileged_and_nothing_else_has_a_name_in_the_audit_trail(api: Hosted) -> None:
    for name, _, route in routes(api.app):
        assert (access.act_of(route) is not None) == (access.needed(route) in PRIVILEGED), name


@pytest.mark.parametrize("role", [*Role, None])
async def test_each_role_may_call_the_routes_of_its_permissions_and_no_other(
    api: Hosted, issuer: LocalIssuer, role: Role | None
) -> None:
    every = {*NEEDED.values()}
    by_role: dict[Role | None, set[str | None]] = {
        None: set(),
        Role.VIEWER: {"read-agent", "read-executions", "read-prompts"},
        Role.DEVELOPER: every - {"settle-dead-letters", "release-prompts", "read-audit"},
        Role.OPERATOR: every - {"read-audit"},
        Role.ADMIN: every,
    }
    allowed = by_role[role]
    token = issuer.token(*([role] if role else []))
    for name, method, route in routes(api.app):
        response = await ask(api, method, path_of(route), token)
        if NEEDED[name] is None or NEEDED[name] in allowed:
            assert response.status_code not in {401, 403}, name
        else:
            assert (response.status_code, error_of(response)["code"]) == (403, "forbidden"), name


async def test_without_credentials_nothing_but_the_probes_is_open(api: Hosted) -> None:
    for name, method, route in routes(api.app):
        response = await ask(api, method, path_of(route))
        assert response.status_code == (401 if NEEDED[name] else 200), name
    assert (await ask(api, "GET", "/nonsense")).status_code == 401
    assert (await ask(api, "POST", "/dapr/x")).status_code == 401


@pytest.mark.parametrize("headers", [{"dapr-api-token": APP_TOKEN}, {"Authorization": f"Bearer {APP_TOKEN}"}])
async def test_the_sidecar_runs_and_reads_for_other_services_and_does_nothing_privileged(
    api: Hosted, headers: dict[str, str]
) -> None:
    for name, method, route in routes(api.app):
        response = await ask(
            api, method, path_of(route), headers=headers | {"Content-Type": "application/json"}
        )
        may = NEEDED[name] in {None, "read-agent", "read-executions", "run-tasks"}
        assert (response.status_code != 403) == may, name
        assert response.status_code != 401, name
    assert (await ask(api, "POST", "/dapr/x", headers=headers)).status_code == 404


async def test_a_caller_who_comes_through_the_sidecar_is_judged_by_what_they_show(
    api: Hosted, issuer: LocalIssuer
) -> None:
    through = {"dapr-api-token": APP_TOKEN}
    for bearer, status in ((issuer.token("Agents.Admin"), 200), (issuer.token(), 403), ("forged", 401)):
        headers = through | {"Authorization": f"Bearer {bearer}"}
        assert (await ask(api, "GET", "/api/sample/audit", headers=headers)).status_code == status


async def test_tokens_and_keys_do_not_open_what_is_the_sidecars_own(api: Hosted, issuer: LocalIssuer) -> None:
    for bearer in (issuer.token("Agents.Admin"), KEY):
        assert (await ask(api, "POST", "/dapr/x", bearer)).status_code == 401


async def test_who_may_not_is_told_what_it_takes(api: Hosted, issuer: LocalIssuer) -> None:
    response = await ask(
        api, "POST", "/api/sample/dead-letters/x/replay", issuer.token("Agents.Viewer", "Other")
    )
    error = error_of(response)
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert error["details"] == {
        "needs": "settle-dead-letters",
        "roles": ["Agents.Operator", "Agents.Admin"],
        "yours": ["Agents.Viewer"],
    }
    assert error["message"] == (
        "this takes the permission settle-dead-letters, of the roles Agents.Operator, Agents.Admin; yours: "
        "Agents.Viewer. Ask whoever gives roles for one, or use another token or API key"
    )


@pytest.mark.parametrize(
    ("headers", "challenge", "says"),
    [
        ([], "Bearer", "send Authorization: Bearer and a token of the issuer, or an API key"),
        ([("Authorization", "Basic YTpi")], "Bearer", "send Authorization: Bearer"),
        ([("Authorization", "Bearer")], "Bearer", "send Authorization: Bearer"),
        ([("Authorization", "Bearer  ")], "Bearer", "send Authorization: Bearer"),
        ([("Authorization", f"Bearer {KEY}")] * 2, "Bearer", "send one Authorization header"),
        (
            [("Authorization", f"Bearer {KEY}, Bearer x")],
            'Bearer error="invalid_token"',
            "the API key is not known",
        ),
        ([("Authorization", "Bearer agk_")], 'Bearer error="invalid_token"', "the API key is not known"),
        ([("Authorization", "Bearer a.b")], 'Bearer error="invalid_token"', "neither a token"),
        ([("Cookie", f"Authorization=Bearer {KEY}")], "Bearer", "send Authorization: Bearer"),
        ([("X-API-Key", KEY)], "Bearer", "send Authorization: Bearer"),
        ([("dapr-api-token", "wrong")], "Bearer", "send Authorization: Bearer"),
        ([("dapr-api-token", KEY)], "Bearer", "send Authorization: Bearer"),
    ],
)
async def test_who_is_not_known_is_told_what_to_send(
    api: Hosted, headers: list[tuple[str, str]], challenge: str, says: str
) -> None:
    response = await api.http.get("/api/sample/tasks", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge
    error = error_of(response)
    assert error["code"] == "unauthorized"
    assert says in error["message"]
    assert KEY not in response.text


async def test_a_key_in_the_address_is_none(api: Hosted) -> None:
    assert (await api.http.get(f"/api/sample/tasks?access_token={KEY}&api_key={KEY}")).status_code == 401


async def test_no_credentials_reach_an_answer_or_the_log(
    api: Hosted, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good, bad = issuer.token("Agents.Operator"), issuer.token("Agents.Admin", aud="other")
    answers = [await ask(api, method, path_of(route), one) for one in (good, bad, KEY, KEY + "x") for _, method, route in routes(api.app)]  # fmt: skip
    told = "".join(answer.text for answer in answers) + caplog.text
    for secret in (KEY, good.rpartition(".")[2], bad.rpartition(".")[2], APP_TOKEN):
        assert secret not in told


async def test_while_the_issuer_is_down_known_keys_work_and_others_are_to_come_back(
    api: Hosted, issuer: LocalIssuer
) -> None:
    issuer.down = True
    response = await ask(api, "GET", "/api/sample/tasks", issuer.token("Agents.Viewer"))
    assert (response.status_code, error_of(response)["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "10"
    assert (await ask(api, "GET", "/api/sample/tasks", KEY)).status_code == 200


async def test_each_caller_has_a_rate_and_is_told_when_to_come_again(
    sample: Sample, issuer: LocalIssuer
) -> None:
    limit = Limit(0.5, lambda: 0.0)
    identity = Identity(tokens=Tokens(Issuer(issuer.url), (AUDIENCE,)), keys=OneKey(), limit=limit)
    async with hosted(sample.agent, identity=identity, app_api_token=SecretStr(APP_TOKEN)) as api:
        token = issuer.token("Agents.Viewer")
        assert (await ask(api, "GET", "/api/sample/tasks", token)).status_code == 200
        refused = await ask(api, "GET", "/api/sample/tasks", token)
        assert (refused.status_code, error_of(refused)["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "2"
        again = issuer.token("Agents.Viewer", nonce="another token of the same person")
        assert (await ask(api, "GET", "/api/sample/tasks", again)).status_code == 429
        assert (await ask(api, "GET", "/api/sample/tasks", KEY)).status_code == 200
        for _ in range(5):
            sidecar = await ask(api, "GET", "/api/sample/tasks", headers={"dapr-api-token": APP_TOKEN})
            assert sidecar.status_code == 200


async def test_on_loopback_a_login_is_asked_for_where_one_is_configured(sample: Sample) -> None:
    async with hosted(sample.agent, identity=Identity(tokens=None, keys=OneKey())) as api:
        assert (await ask(api, "GET", "/api/sample/tasks")).status_code == 401
        assert (await ask(api, "GET", "/api/sample/tasks", KEY)).status_code == 200
        foreign = await ask(api, "GET", "/api/sample/tasks", headers={"Host": "evil.example"})
        assert error_of(foreign)["code"] == "foreign_host"


@pytest.mark.parametrize(
    ("configured", "shown", "says"),
    [("tokens", KEY, "no API keys are accepted here"), ("keys", "a.b.c", "this is no API key")],
    ids=["a key where tokens are", "a token where keys are"],
)
async def test_what_is_not_configured_is_said(
    sample: Sample, issuer: LocalIssuer, configured: str, shown: str, says: str
) -> None:
    tokens = Tokens(Issuer(issuer.url), (AUDIENCE,))
    proofs: dict[str, Any] = {
        "tokens": None,
        "keys": None,
        configured: tokens if configured == "tokens" else OneKey(),
    }
    async with hosted(sample.agent, identity=Identity(**proofs)) as api:
        response = await ask(api, "GET", "/api/sample/tasks", shown)
    assert says in error_of(response)["message"]


async def test_the_same_idempotency_key_of_two_callers_is_two_executions(
    api: Hosted, issuer: LocalIssuer
) -> None:
    seen = {}
    for bearer, name in ((issuer.token("Agents.Developer"), f"subjects/{SUBJECT}"), (KEY, f"keys/{KEY_ID}")):
        for _ in range(2):
            response = await api.post(
                "/api/sample/shout", {"word": "hi"}, Idempotency_Key="k1", Authorization=f"Bearer {bearer}"
            )
            assert response.status_code == 200, response.text
            seen[response.json()["execution_id"]] = name
    assert seen == {execution_id("sample", "shout", f"/callers/{name}", "k1"): name for name in seen.values()}
    assert len(seen) == 2


async def letter(api: Hosted) -> str:
    api.platform.publish(said("hello", fail="Rejected", times=1))
    await api.platform.quiet()
    return execution_id("sample", "shout", "/tests", "1")


async def trail(api: Hosted, issuer: LocalIssuer) -> list[dict[str, Any]]:
    told = (await ask(api, "GET", "/api/sample/audit", issuer.token("Agents.Admin", sub="auditor"))).json()
    assert (told["agent"], told["next"]) == ("sample", None)
    records: list[dict[str, Any]] = told["audit"]
    return records


async def test_privileged_acts_are_recorded_with_who_what_target_and_result(
    api: Hosted, issuer: LocalIssuer
) -> None:
    found = await letter(api)
    operator = issuer.token("Agents.Operator")
    path = f"/api/sample/dead-letters/{found}"
    assert (await ask(api, "POST", f"{path}/drop", operator)).status_code == 422
    assert (
        await ask(api, "POST", f"{path}/drop", operator, content=b'{"reason": "a test"}')
    ).status_code == 200
    assert (await ask(api, "POST", f"{path}/replay", operator)).status_code == 409
    records = await trail(api, issuer)
    assert '{"reason": "a test"}' in [one["given"] for one in records]
    assert [(one["number"], one["act"], one["result"], one["error"]) for one in records] == [
        (2, "dead-letters.replay", "failed", "dead_letter_settled"),
        (1, "dead-letters.drop", "done", None),
        (0, "dead-letters.drop", "failed", "invalid_input"),
    ]
    for one in records:
        assert (one["who"], one["roles"], one["target"]) == (
            f"subjects/{SUBJECT}",
            ["Agents.Operator"],
            found,
        )
        assert one["at"] <= one["ended_at"]


async def test_without_a_login_whoever_acts_is_called_local(sample: Sample, issuer: LocalIssuer) -> None:
    async with hosted(sample.agent) as api:
        found = await letter(api)
        assert (await ask(api, "POST", f"/api/sample/dead-letters/{found}/replay")).status_code == 202
        (record,) = await trail(api, issuer)
    assert (record["who"], record["roles"], record["act"], record["result"]) == (
        "local", [], "dead-letters.replay", "done",
    )  # fmt: skip


async def test_an_act_that_cannot_be_recorded_is_not_done(
    api: Hosted, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await letter(api)

    async def down(*_: object) -> int:
        raise Unavailable("the store is down")

    monkeypatch.setattr(api.service.audit, "_create", down)
    content = b'{"reason": "a test"}'
    response = await ask(
        api,
        "POST",
        f"/api/sample/dead-letters/{found}/drop",
        issuer.token("Agents.Operator"),
        content=content,
    )
    assert response.status_code == 503
    assert (await api.service.runner.dead_letters.get(found)).state == "open"


async def test_an_act_that_is_refused_is_logged_with_who_tried(
    api: Hosted, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    await ask(api, "POST", "/api/sample/prompts/greeting/promote", issuer.token("Agents.Developer"))
    (told,) = [record for record in caplog.records if record.name == "agents.audit"]
    fields = {name: vars(told)[name] for name in ("who", "act", "target", "result")}
    assert fields == {
        "who": f"subjects/{SUBJECT}",
        "act": "prompts.promote",
        "target": "greeting",
        "result": "refused",
    }
    assert await trail(api, issuer) == []


async def test_the_trail_is_read_page_by_page(api: Hosted, issuer: LocalIssuer) -> None:
    operator, admin = issuer.token("Agents.Operator"), issuer.token("Agents.Admin")
    for number in range(5):
        await ask(api, "POST", f"/api/sample/dead-letters/{number}/replay", operator)
    first = (await ask(api, "GET", "/api/sample/audit?limit=3", admin)).json()
    rest = (await ask(api, "GET", f"/api/sample/audit?limit=3&cursor={first['next']}", admin)).json()
    assert [one["target"] for one in first["audit"] + rest["audit"]] == ["4", "3", "2", "1", "0"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("limit=0", "limit is a number from 1 to 500"),
        ("limit=501", "limit is a number from 1 to 500"),
        ("limit=²", "limit is a number from 1 to 500"),
        ("cursor=x", "cursor is what `next` of the page before said"),
        ("who=me", "there is no parameter 'who'; there are limit and cursor"),
    ],
)
async def test_a_wrong_question_to_the_trail_is_said(
    api: Hosted, issuer: LocalIssuer, query: str, says: str
) -> None:
    response = await ask(api, "GET", f"/api/sample/audit?{query}", issuer.token("Agents.Admin"))
    assert (response.status_code, error_of(response)["message"]) == (400, says)


async def test_identity_is_followed_for_as_long_as_the_agent_serves(issuer: LocalIssuer) -> None:
    identity = Identity(tokens=Tokens(Issuer(issuer.url), (AUDIENCE,)), keys=None)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(identity.followed())
        async with asyncio.timeout(60):
            while await identity.check() is not None:  # noqa: ASYNC110  # the issuer is in another thread
                await asyncio.sleep(0.01)
    before = issuer.questions
    assert (await identity.caller(issuer.token("Agents.Viewer"))).roles == (Role.VIEWER,)
    assert issuer.questions == before == 1
