"""Who may call: tokens, and the names under which an agent on loopback answers."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample

TOKEN = "correct-horse-battery"
WRONG = [
    {},
    {"dapr-api-token": ""},
    {"dapr-api-token": "wrong"},
    {"dapr-api-token": TOKEN[:-1]},
    {"dapr-api-token": TOKEN + "x"},
    {"dapr-api-token": TOKEN.upper()},
    {"dapr-api-token": f"Bearer {TOKEN}"},
    {"dapr-api-token": "gr\u00fcn"},
    {"Authorization": TOKEN},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer wrong"},
    {"Cookie": f"dapr-api-token={TOKEN}"},
]
RIGHT = [
    {"dapr-api-token": TOKEN},
    {"Authorization": f"Bearer {TOKEN}"},
    {"Authorization": f"bearer  {TOKEN}"},
]
READ = ["/api/sample/tasks", "/metrics", "/docs", "/openapi.json", "/nonsense", "/dapr/config"]


@pytest.fixture
async def guarded(sample: Sample) -> AsyncIterator[Hosted]:
    """On loopback, with a token."""
    async with hosted(sample.agent, app_api_token=SecretStr(TOKEN)) as running:
        yield running


def add_sidecar_routes(app: FastAPI) -> None:
    for path in ("/dapr/events/topic", "/job/nightly"):
        app.post(path)(lambda: {"status": "SUCCESS"})


def latin(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def ask(api: Hosted, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    return await api.http.request(method, path, headers=latin(headers))


@pytest.mark.parametrize("path", ["/dapr/events/topic", "/job/nightly", "/dapr/none", "/job/none"])
async def test_the_sidecars_routes_refuse_a_missing_or_forged_token(guarded: Hosted, path: str) -> None:
    add_sidecar_routes(guarded.app)
    for headers in WRONG:
        response = await ask(guarded, "POST", path, headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert error_of(response)["code"] == "unauthorized"
        assert TOKEN not in response.text


@pytest.mark.parametrize("path", ["/dapr/events/topic", "/job/nightly"])
async def test_the_sidecars_routes_take_the_right_token(guarded: Hosted, path: str) -> None:
    add_sidecar_routes(guarded.app)
    for headers in RIGHT:
        assert (await ask(guarded, "POST", path, headers)).status_code == 200


async def test_on_loopback_the_api_asks_for_no_token(guarded: Hosted) -> None:
    assert (await guarded.http.get("/api/sample/tasks")).status_code == 200
    assert (await guarded.post("/api/sample/shout", {"word": "hi"})).status_code == 200


@pytest.mark.parametrize("path", READ)
async def test_beyond_loopback_every_route_asks_for_the_token(sample: Sample, path: str) -> None:
    async with hosted(sample.agent, host="0.0.0.0", app_api_token=SecretStr(TOKEN)) as api:
        for headers in WRONG:
            response = await ask(api, "GET", path, headers)
            assert response.status_code == 401
            error_of(response)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_ask_for_none(sample: Sample, path: str) -> None:
    async with hosted(sample.agent, host="0.0.0.0", app_api_token=SecretStr(TOKEN)) as api:
        assert (await api.http.get(path)).status_code == 200


async def test_beyond_loopback_any_name_and_the_right_token_will_do(sample: Sample) -> None:
    async with hosted(
        sample.agent, host="0.0.0.0", app_api_token=SecretStr(TOKEN), client_host="agents.example.com"
    ) as api:
        for headers in RIGHT:
            assert (await ask(api, "GET", "/api/sample/tasks", headers)).status_code == 200


async def test_beyond_loopback_without_a_token_nothing_is_open(sample: Sample) -> None:
    """The settings refuse this; the guard does not rely on it."""
    async with hosted(sample.agent, host="0.0.0.0") as api:
        assert (await api.http.get("/api/sample/tasks")).status_code == 401


async def test_tokens_are_compared_in_constant_time(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def noted(given: bytes, right: bytes) -> bool:
        compared.append((given, right))
        return False

    monkeypatch.setattr(hmac, "compare_digest", noted)
    async with hosted(sample.agent, app_api_token=SecretStr(TOKEN)) as api:
        response = await ask(api, "POST", "/dapr/x", {"dapr-api-token": TOKEN})
    assert response.status_code == 401
    assert compared == [(TOKEN.encode(), TOKEN.encode())]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "localhost:7000", "127.0.0.1", "127.0.0.1:7000", "127.0.0.1.:7000",
        "127.8.9.1", "[::1]", "[::1]:7000", "[0:0:0:0:0:0:0:1]", "localhost:",
    ],
)  # fmt: skip
async def test_loopback_has_these_names(api: Hosted, host: str) -> None:
    assert (await ask(api, "GET", "/api/sample/tasks", {"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "evil.example:7000", "127.0.0.1.evil.example", "127.0.0.1@evil.example",
        "localhost:7000@evil.example", "user@localhost", "localhost:80:80", "localhost:x", "localhost..", "0.0.0.0", "[::]",
        "[::1", "::1", "[::1]evil.example", "[::1].evil.example", "[evil.example]", "[::1%25lo]", "[::2]", "[]", "[",
        "2130706433", "0x7f.1", "127.1", "localhost/", "localhost evil.example", "localhost,evil.example", "", ".", ":7000",
        "loc\u00e4lhost", "192.168.0.1", "[fe80::1]", "169.254.169.254",
    ],
)  # fmt: skip
async def test_any_other_name_is_foreign(api: Hosted, host: str) -> None:
    for method, path in (("GET", "/api/sample/tasks"), ("POST", "/api/sample/shout"), ("GET", "/nonsense")):
        response = await ask(api, method, path, {"Host": host})
        assert response.status_code == 403
        assert error_of(response)["code"] == "foreign_host"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:7000", "https://[::1]"])
async def test_pages_of_this_machine_may_call(api: Hosted, origin: str) -> None:
    assert (await ask(api, "GET", "/api/sample/tasks", {"Origin": origin})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://localhost.evil.example", "http://[", "file://", "http://evil@localhost@x"]
)  # fmt: skip
async def test_pages_of_other_machines_may_not(api: Hosted, origin: str) -> None:
    """A form of theirs may post across origins without asking first, for instance to replay."""
    path = "/api/sample/dead-letters/00000000-0000-0000-0000-000000000000/replay"
    response = await ask(api, "POST", path, {"Origin": origin})
    assert (response.status_code, error_of(response)["code"]) == (403, "foreign_origin")
    assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_no_page_of_another_origin_is_let_in_by_cors(api: Hosted) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "DELETE"}
    for method, path in (("OPTIONS", "/api/sample/prompts/x/split"), ("GET", "/api/sample/tasks")):
        response = await ask(api, method, path, asked)
        assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_two_host_headers_are_foreign(api: Hosted) -> None:
    headers = [("Host", "localhost"), ("Host", "evil.example")]
    assert (await api.http.get("/api/sample/tasks", headers=headers)).status_code == 403


@pytest.mark.parametrize("host", ["[", "[::1", "a/b", "http://x", "\u00fc"])
async def test_a_broken_host_header_breaks_no_error(sample: Sample, host: str) -> None:
    async with hosted(sample.agent, host="0.0.0.0", app_api_token=SecretStr(TOKEN)) as api:
        response = await ask(api, "GET", "/nonsense", {"Host": host, "dapr-api-token": TOKEN})
        assert response.status_code == 404
        error_of(response)
        assert (await ask(api, "GET", "/healthz", {"Host": host})).status_code == 200
