"""Tasks over HTTP: run, repeated, accepted, failed, and read again."""

from __future__ import annotations

import asyncio

import pytest

from domain.event import Event
from domain.execution import execution_id
from infrastructure.host import capacity
from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.runtime.sample import Sample

SHOUT = "/api/sample/shout"


async def test_a_task_answers_with_its_outcome(api: Hosted) -> None:
    response = await api.post(SHOUT, {"word": "hi"}, Idempotency_Key="k1", X_Correlation_ID="order-7")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    identity = execution_id("sample", "shout", "/callers/local", "k1")
    assert body.pop("duration_ms") >= 0
    assert [event.pop("id") for event in body["events"]] == [e.id for e in api.platform.events]
    assert body == {
        "execution_id": identity,
        "correlation_id": "order-7",
        "agent": "sample",
        "task": "shout",
        "status": "completed",
        "output": {"word": "HI"},
        "events": [{"type": "agents.sample.word.shouted"}],
        "prompt": None,
        "model": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "cost": None,
        "replayed": False,
    }


async def test_the_generic_route_runs_any_task_by_its_name(api: Hosted) -> None:
    response = await api.post("/api/sample/execute", {"task": "shout", "input": {"word": "hi"}})
    assert response.status_code == 200
    assert response.json()["output"] == {"word": "HI"}


async def test_both_routes_are_the_same_work(api: Hosted) -> None:
    first = await api.post(SHOUT, {"word": "hi"}, Idempotency_Key="k1")
    second = await api.post(
        "/api/sample/execute", {"task": "shout", "input": {"word": "hi"}}, Idempotency_Key="k1"
    )
    assert second.json()["execution_id"] == first.json()["execution_id"]
    assert second.json()["replayed"] is True


async def test_without_a_key_each_request_is_work_of_its_own(api: Hosted, sample: Sample) -> None:
    first = await api.post(SHOUT, {"word": "hi"})
    second = await api.post(SHOUT, {"word": "hi"})
    assert first.json()["execution_id"] != second.json()["execution_id"]
    assert len(sample.runs) == 2


async def test_without_a_correlation_id_it_is_the_executions_own(api: Hosted) -> None:
    body = (await api.post(SHOUT, {"word": "hi"})).json()
    assert body["correlation_id"] == body["execution_id"]


async def test_a_repeated_key_with_the_same_input_is_answered_again(api: Hosted, sample: Sample) -> None:
    first = (await api.post(SHOUT, {"word": "hi", "times": 0}, Idempotency_Key="k1")).json()
    second = (await api.post(SHOUT, {"times": 0, "word": "hi"}, Idempotency_Key="k1")).json()
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert {**second, "replayed": False} == first
    assert len(sample.runs) == 1


async def test_a_repeated_key_with_another_input_is_a_conflict(api: Hosted, sample: Sample) -> None:
    await api.post(SHOUT, {"word": "hi"}, Idempotency_Key="k1")
    response = await api.post(SHOUT, {"word": "ho"}, Idempotency_Key="k1")
    assert response.status_code == 409
    error = error_of(response)
    assert error["code"] == "id_reused"
    assert error["details"] == {"execution_id": execution_id("sample", "shout", "/callers/local", "k1")}
    assert len(sample.runs) == 1


async def test_the_same_key_for_two_at_once_runs_once(api: Hosted, sample: Sample) -> None:
    body = {"word": "hi", "slow": 0.05}
    answers = await asyncio.gather(*(api.post(SHOUT, body, Idempotency_Key="k1") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert sorted(answer.json()["replayed"] for answer in answers) == [False, True, True, True, True]
    assert len(sample.runs) == 1


@pytest.mark.parametrize(
    "preference", ["respond-async", "Respond-Async", "wait=10, respond-async", "respond-async; foo=bar"]
)
async def test_a_caller_that_prefers_so_is_answered_at_once_and_finds_the_record(
    api: Hosted, preference: str
) -> None:
    response = await api.post(SHOUT, {"word": "hi", "slow": 0.5}, Prefer=preference, Idempotency_Key="k1")
    assert response.status_code == 202
    identity = execution_id("sample", "shout", "/callers/local", "k1")
    location = response.headers["location"]
    assert location == f"/api/sample/executions/{identity}"
    assert response.headers["retry-after"] == "1"
    assert response.json() == {
        "execution_id": identity,
        "correlation_id": identity,
        "agent": "sample",
        "task": "shout",
        "status": "accepted",
    }
    running = (await api.http.get(location)).json()
    assert running["status"] == "running"
    began = running["started_at"]
    assert running["attempts"] == 1
    owner = api.service.owner
    assert running["history"] == [
        {"owner": owner.name, "version": owner.version, "started_at": began, "ended": None, "ended_at": None}
    ]
    await api.platform.quiet()
    done = (await api.http.get(location)).json()
    assert done["status"] == "completed"
    assert done["output"] == {"word": "HI"}
    assert done["history"][0]["ended"] == "completed"
    assert done["published_at"] is not None


@pytest.mark.parametrize("preference", ["", "wait=5", "no-respond-async", "return=minimal", ";,=;"])
async def test_any_other_preference_waits_for_the_result(api: Hosted, preference: str) -> None:
    assert (await api.post(SHOUT, {"word": "hi"}, Prefer=preference)).status_code == 200


async def test_patience_that_ends_is_answered_202(sample: Sample) -> None:
    async with hosted(sample.agent, http_patience=0.02) as api:
        response = await api.post(SHOUT, {"word": "hi", "slow": 0.2})
        assert response.status_code == 202
        assert response.headers["location"].startswith("/api/sample/executions/")


async def test_the_record_holds_the_outgoing_events_whole(api: Hosted) -> None:
    done = await api.post(SHOUT, {"word": "hi"}, Idempotency_Key="k1", X_Correlation_ID="order-7")
    response = await api.http.get(f"/api/sample/executions/{done.json()['execution_id']}")
    assert response.status_code == 200
    record = response.json()
    assert record["execution_id"] == done.json()["execution_id"]
    assert (record["trigger_source"], record["trigger_key"]) == ("/callers/local", "k1")
    assert record["changes"] == [
        {"entity": "tally:all", "function": "tally", "arguments": {"word": "HI"}},
    ]
    (event,) = record["events"]
    assert Event.model_validate(event) == api.platform.events[-1]
    assert event["data"] == {"word": "HI"}
    assert event["specversion"] == "1.0"


async def test_work_that_was_handed_back_is_shown_as_waiting(api: Hosted) -> None:
    accepted = await api.post(SHOUT, {"word": "hi", "slow": 5}, Prefer="respond-async")
    await api.service.stop(grace=0)
    record = (await api.http.get(accepted.headers["location"])).json()
    assert record["status"] == "waiting"
    (attempt,) = record["history"]
    assert (attempt["owner"], attempt["ended"]) == (api.service.owner.name, "handed_back")


async def test_a_failed_execution_is_an_error_with_its_record(api: Hosted) -> None:
    response = await api.post(SHOUT, {"word": "hi", "fail": "Rejected", "times": 9}, Idempotency_Key="k1")
    assert response.status_code == 422
    identity = execution_id("sample", "shout", "/callers/local", "k1")
    assert response.headers["location"] == f"/api/sample/executions/{identity}"
    error = error_of(response)
    assert (error["code"], error["message"]) == ("rejected", "as told")
    assert error["details"] == {"execution_id": identity, "attempts": 1, "replayed": False}
    record = (await api.http.get(response.headers["location"])).json()
    assert record["status"] == "failed"
    assert record["error"] == {"code": "rejected", "message": "as told", "details": {}}


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        ("InvalidInput", 422, "invalid_input"),
        ("TooLarge", 413, "too_large"),
        ("ModelRefused", 422, "model_refused"),
        ("ModelTimeout", 504, "model_timeout"),
        ("ModelTruncated", 502, "model_truncated"),
        ("ModelAnswerInvalid", 502, "model_answer_invalid"),
        ("DeadlineExceeded", 504, "deadline_exceeded"),
        ("a bug", 500, "internal"),
    ],
)
async def test_what_a_handler_raises_has_its_status(
    sample: Sample, raised: str, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(*_: object) -> None: ...

    monkeypatch.setattr("agents.runtime.run._pause", at_once)
    async with hosted(sample.agent) as api:
        response = await api.post(SHOUT, {"word": "hi", "fail": raised, "times": 99})
        assert response.status_code == status
        assert error_of(response)["code"] == code
        assert "secret" not in response.text


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        ("ModelUnavailable", 503, "model_unavailable"),
        ("ModelMisconfigured", 503, "model_misconfigured"),
        ("SidecarUnavailable", 503, "sidecar_unavailable"),
        ("ModelRateLimited", 429, "model_rate_limited"),
    ],
)
async def test_work_that_waits_for_something_is_kept_and_says_so(
    api: Hosted, raised: str, status: int, code: str
) -> None:
    response = await api.post(SHOUT, {"word": "hi", "fail": raised, "times": 1})
    assert response.status_code == status
    assert response.headers["retry-after"] == "5"
    error = error_of(response)
    assert error["code"] == code
    assert error["details"]["kept"] == "it runs as soon as it can; do not send it again"
    await api.platform.quiet(0.15)
    record = (await api.http.get(response.headers["location"])).json()
    assert record["output"] == {"word": "HI"}


async def test_a_replica_that_stops_takes_nothing_new(api: Hosted) -> None:
    await api.service.stop(grace=0)
    response = await api.post(SHOUT, {"word": "hi"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert error_of(response)["message"] == "this replica is shutting down"


async def test_beyond_its_capacity_an_agent_says_when_to_come_back(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "LIMIT", 2)
    answers = await asyncio.gather(*(api.post(SHOUT, {"word": "hi", "slow": 0.1}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["retry-after"] == "1"
    assert error_of(busy)["code"] == "busy"
    assert (await api.post(SHOUT, {"word": "hi"})).status_code == 200


async def test_probes_are_answered_beyond_the_capacity_too(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "LIMIT", 0)
    assert (await api.http.get("/healthz")).status_code == 200
    assert (await api.http.get("/readyz")).status_code == 200


class TestTraceparent:
    GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    async def test_a_valid_one_is_taken_over(self, api: Hosted) -> None:
        await api.post(SHOUT, {"word": "hi"}, traceparent=self.GIVEN)
        trace = (api.platform.events[-1].traceparent or "").split("-")[1]
        assert trace == "4bf92f3577b34da6a3ce929d0e0e4736"

    @pytest.mark.parametrize(
        "broken", ["", "nonsense", "00-0-0-01", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 9000]
    )
    async def test_an_invalid_one_counts_as_none(self, api: Hosted, broken: str) -> None:
        response = await api.post(SHOUT, {"word": "hi"}, traceparent=broken)
        assert response.status_code == 200
        for _, message in api.platform.broker.published:
            assert len(Event.model_validate_json(message).traceparent or "") in {0, 55}
