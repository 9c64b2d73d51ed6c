"""Whatever comes, the answer has the one documented form and the right status."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents.implementation import AGENT as IMPLEMENTATION
from infrastructure.host import requests
from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample

SHOUT = "/api/sample/shout"
EXECUTE = "/api/sample/execute"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty"),
        (b" \n\t", "the body is empty"),
        (b"nonsense", "expected ident"),
        (b"{", "EOF"),
        (b'{"word":"hi"} {}', "trailing characters"),
        (b"{'word':'hi'}", "key must be a string"),
        (b'{"word":"hi",}', "trailing comma"),
        (b"// c\n{}", "expected value"),
        (b"[]", "a JSON array"),
        (b'"text"', "a JSON string"),
        (b"true", "a JSON boolean"),
        (b"null", "a JSON null"),
        (b"5", "a JSON number"),
        (b'{"word":NaN}', "expected value"),
        (b'{"word":Infinity}', "expected value"),
        (b'{"word":1e400}', "larger than a double"),
        (b'{"word":-1E+400}', "larger than a double"),
        (b'{"word":[{"a":1e309}]}', "larger than a double"),
        (b'{"word":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"word":"\\ud800"}', "hex escape"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'{"word":"\xed\xa0\x80"}', "unicode"),
        (b'{"word":"\xff"}', "unicode"),
        (b'{"word":"\\u0000"}', "NUL"),
        (b'{"\\u0000":"x"}', "NUL"),
        (b'{"word":"\x00"}', "control character"),
        (b'{"word":"\x1f"}', "control character"),
        (b"\xef\xbb\xbf{}", "expected value"),
        ('{"word":"hi"}'.encode("utf-16"), "expected value"),
        ('{"word":"hi"}'.encode("utf-32-le"), ""),
        (b"[" * 100_000, "recursion limit"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "recursion limit"),
        (b'{"word":[' + b"1," * 60_000 + b"1]}", "50000 are allowed"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", ""),
    ],
)
@pytest.mark.parametrize("path", [SHOUT, EXECUTE])
async def test_what_is_no_usable_json_object_is_400(api: Hosted, path: str, body: bytes, says: str) -> None:
    response = await api.post(path, body)
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "malformed"
    assert says in error["message"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "word"),
        ({"word": 5}, "word"),
        ({"word": None}, "word"),
        ({"word": ["hi"]}, "word"),
        ({"word": "hi", "times": 1.5}, "times"),
        ({"word": "hi", "slow": "later"}, "slow"),
        ({"word": "hi", "times": "9" * 4301}, "times"),
        ({"word": [[]] * 1000}, "word"),
    ],
)
async def test_input_that_does_not_fit_is_422_and_names_the_field(
    api: Hosted, sample: Sample, value: Any, field: str
) -> None:
    for path, body in ((SHOUT, value), (EXECUTE, {"task": "shout", "input": value})):
        response = await api.post(path, body)
        assert response.status_code == 422
        error = error_of(response)
        assert error["code"] == "invalid_input"
        assert [problem["field"] for problem in error["details"]["errors"]] == [field]
    assert sample.runs == []
    assert api.platform.stores["sample"].calls["create"] == 0


@pytest.mark.parametrize("given", [None, 5, "text", [], True])
async def test_an_input_that_is_no_object_is_422(api: Hosted, given: Any) -> None:
    response = await api.post(EXECUTE, {"task": "shout", "input": given})
    assert response.status_code == 422
    assert error_of(response)["details"]["errors"][0]["field"] == "input"


@pytest.mark.parametrize(
    "body",
    [{}, {"task": "shout"}, {"input": {}}, {"task": 5, "input": {}}, {"task": "shout", "input": {}, "x": 1}],
)
async def test_the_generic_route_takes_a_task_and_an_input_and_nothing_else(
    api: Hosted, body: dict[str, Any]
) -> None:
    response = await api.post(EXECUTE, body)
    assert response.status_code == 422
    assert error_of(response)["code"] == "invalid_input"


@pytest.mark.parametrize("task", ["nonsense", "", "Shout", "shout ", "x" * 1_000_000, "__class__"])
async def test_an_unknown_task_is_404_and_names_the_known_ones(api: Hosted, task: str) -> None:
    response = await api.post(EXECUTE, {"task": task, "input": {}})
    assert response.status_code == 404
    error = error_of(response)
    assert error["code"] == "unknown_task"
    assert error["details"] == {"tasks": ["shout"]}
    assert len(response.content) < 1000


@pytest.mark.parametrize(
    "number", ["9" * 4300, "-" + "9" * 4299, "9223372036854775808", "1e308", "5e-324", "-0.0"]
)
async def test_numbers_that_a_double_or_an_integer_holds_never_fail_later(api: Hosted, number: str) -> None:
    body = b'{"word":"hi","unknown":%s}' % number.encode()
    response = await api.post(SHOUT, body, Idempotency_Key="k")
    assert response.status_code == 200
    assert (await api.post(SHOUT, body, Idempotency_Key="k")).json()["replayed"] is True
    record = await api.http.get(f"/api/sample/executions/{response.json()['execution_id']}")
    assert record.json()["output"] == {"word": "HI"}


async def test_of_two_equal_keys_the_last_counts(api: Hosted) -> None:
    response = await api.post(SHOUT, b'{"word":"first","word":"last"}')
    assert response.json()["output"] == {"word": "LAST"}


async def test_any_unicode_passes_unchanged(api: Hosted) -> None:
    word = "\u2028\ufeff\U0010ffff\u202e\u0301ÀÉ日本"
    assert (await api.post(SHOUT, {"word": word})).json()["output"] == {"word": word}


async def test_a_body_above_the_limit_is_413(sample: Sample) -> None:
    async with hosted(sample.agent, max_body_bytes=100) as api:
        assert (await api.post(SHOUT, json.dumps({"word": "x" * 88}).encode())).status_code == 200
        response = await api.post(SHOUT, json.dumps({"word": "x" * 89}).encode())
        assert response.status_code == 413
        error = error_of(response)
        assert (error["code"], error["details"]) == ("too_large", {"limit": 100})


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("APPLICATION/JSON; charset=utf-8", 200),
        ("application/vnd.sample+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        ("application/jsonp", 415),
        ("text/plain; a=application/json", 415),
        ("x" * 5000, 415),
    ],
)
async def test_a_body_must_be_declared_as_json(api: Hosted, content_type: str, status: int) -> None:
    response = await api.post(SHOUT, {"word": "hi"}, Content_Type=content_type)
    assert response.status_code == status
    if status == 415:
        assert error_of(response)["code"] == "unsupported_media_type"
        assert len(response.content) < 1000


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Correlation-ID"])
@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"a b", b"a\tb", b"x" * 201, "schlüssel".encode(), b"\xff", b"a\x7fb", b"\xe2\x80\xae"],
)
async def test_an_identity_takes_visible_ascii_alone(api: Hosted, header: str, value: bytes) -> None:
    headers = [(b"Content-Type", b"application/json"), (header.encode(), value)]
    response = await api.http.post(SHOUT, content=b'{"word":"hi"}', headers=headers)
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "malformed"
    assert header in error["message"]


async def test_an_identity_that_is_given_twice_is_none(api: Hosted) -> None:
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = await api.http.post(SHOUT, content=b'{"word":"hi"}', headers=headers)
    assert response.status_code == 400


async def test_the_longest_identities_pass(api: Hosted) -> None:
    response = await api.post(SHOUT, {"word": "hi"}, Idempotency_Key="~" * 200, X_Correlation_ID="!" * 200)
    assert response.json()["correlation_id"] == "!" * 200


@pytest.mark.parametrize(
    "path",
    [
        "/", "/api", "/api/sample", "/api/sample/", "/api/other/shout", "/api/sample/whisper", "/api/sample/tasks/",
        "/healthz/", "/%00", "/api/sample/shout%2f", "/api/sample/..%2f..%2fhealthz", "/x" * 20_000,
        "/api/sample/executions/", "/dapr", "/redoc", "/api/sample/events",
    ],
)  # fmt: skip
async def test_an_unknown_route_is_404(api: Hosted, path: str) -> None:
    response = await api.http.get(path)
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"
    assert len(response.content) < 1000


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", SHOUT, "POST"),
        ("GET", EXECUTE, "POST"),
        ("PUT", SHOUT, "POST"),
        ("BREW", SHOUT, "POST"),
        ("OPTIONS", SHOUT, "POST"),
        ("DELETE", "/api/sample/executions/1", "GET"),
        ("POST", "/healthz", "GET"),
        ("POST", "/api/sample/tasks", "GET"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_one(
    api: Hosted, method: str, path: str, allowed: str
) -> None:
    response = await api.http.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert error_of(response)["code"] == "method_not_allowed"


async def test_a_bug_is_500_in_the_same_form_and_tells_no_secret(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("with a secret")

    monkeypatch.setattr(api.service.runner, "find", broken)
    response = await api.http.get("/api/sample/executions/00000000-0000-5000-8000-000000000000")
    assert response.status_code == 500
    error = error_of(response)
    assert (error["code"], error["message"]) == ("internal", "this is a bug (RuntimeError); the log has it")


async def test_a_document_that_cannot_be_read_is_500_and_names_its_key(api: Hosted) -> None:
    identity = "00000000-0000-5000-8000-000000000000"
    await api.platform.stores["sample"].create(f"execution:{identity}", b"foreign", ttl=None)
    response = await api.http.get(f"/api/sample/executions/{identity}")
    assert response.status_code == 500
    error = error_of(response)
    assert error["code"] == "document_unreadable"
    assert error["details"] == {"key": f"execution:{identity}"}


async def test_an_error_is_never_longer_than_what_was_sent_deserves(api: Hosted) -> None:
    async with hosted(IMPLEMENTATION) as implementation:
        response = await implementation.post("/api/implementation/generate-code", {"k" * 3_000_000: 1})
        assert response.status_code == 422
        assert len(response.content) < 4000
    response = await api.post(SHOUT, {"word": "x" * 3_000_000}, Content_Type="k" * 60_000)
    assert len(response.content) < 1000


async def test_a_body_made_to_be_slow_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `{}` in this list is seven errors: without a bound on values 3 MB took 49 s and 8 GB."""
    async with hosted(IMPLEMENTATION) as api:
        for count, status in ((1_000_000, 400), (40_000, 422)):
            begin = time.process_time()
            response = await api.post(
                "/api/implementation/generate-code", b'{"cases":[' + b"{}," * count + b"{}]}"
            )
            assert response.status_code == status
            assert len(error_of(response)["details"].get("errors", [])) <= 50
            assert time.process_time() - begin < 4


async def test_a_body_that_never_ends_is_408(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    async with hosted(sample.agent) as api:
        response = await api.http.post(
            SHOUT, content=dripping(), headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 408
        assert response.headers["connection"] == "close"
        assert error_of(response)["code"] == "request_timeout"
