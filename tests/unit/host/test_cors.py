"""Pages of other origins: none, but those that a setting names."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample

STUDIO, OTHER, EVIL = "https://studio.example", "http://localhost:3000", "https://studio.example.evil.example"
SHOUT = "/api/sample/shout"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
async def named(sample: Sample) -> AsyncIterator[Hosted]:
    async with hosted(sample.agent, cors_origins=f"{STUDIO},{OTHER}") as running:
        yield running


def cors_headers(headers: object) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name.startswith("access-control")}  # type: ignore[call-overload]


@pytest.mark.parametrize("origin", [STUDIO, OTHER])
async def test_by_default_no_page_gets_an_answer_that_its_browser_shows_it(api: Hosted, origin: str) -> None:
    asked = await api.http.options(SHOUT, headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code in {403, 405}
    assert cors_headers(asked.headers) == {}
    called = await api.post(SHOUT, {"word": "hi"}, Origin=origin)
    assert cors_headers(called.headers) == {}


@pytest.mark.parametrize("origin", [STUDIO, OTHER])
async def test_a_page_of_a_named_origin_may_call_and_read(named: Hosted, origin: str) -> None:
    asked = await named.http.options(SHOUT, headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= {
        *asked.headers["access-control-allow-headers"].split(", ")
    }
    called = await named.post(SHOUT, {"word": "hi"}, Origin=origin)
    assert called.status_code == 200
    assert called.headers["access-control-allow-origin"] == origin
    assert called.headers["vary"] == "Origin"


async def test_an_error_can_be_read_by_the_page_too(named: Hosted) -> None:
    answer = await named.post("/api/sample/nonsense", {}, Origin=STUDIO)
    assert error_of(answer)["code"] == "not_found"
    assert answer.headers["access-control-allow-origin"] == STUDIO


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://STUDIO.example", STUDIO + ":444", "http://studio.example", "*"]
)
async def test_a_page_of_any_other_origin_may_not(named: Hosted, origin: str, sample: Sample) -> None:
    asked = await named.http.options(SHOUT, headers={"Origin": origin, **PREFLIGHT})
    assert cors_headers(asked.headers) == {}
    called = await named.post(SHOUT, {"word": "hi"}, Origin=origin)
    assert called.status_code == 403
    assert cors_headers(called.headers) == {}
    assert sample.runs == []


async def test_cookies_are_never_asked_for(named: Hosted) -> None:
    for origin in (STUDIO, EVIL):
        asked = await named.http.options(SHOUT, headers={"Origin": origin, **PREFLIGHT})
        assert "access-control-allow-credentials" not in asked.headers
