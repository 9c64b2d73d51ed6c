"""Dead letters over HTTP, as `agents dead-letters` uses them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.execution import execution_id
from tests.unit.host.hosted import Hosted, error_of
from tests.unit.runtime.sample import said

LETTERS = "/api/sample/dead-letters"
NOBODY = "00000000-0000-0000-0000-000000000000"


def identity(event_id: str) -> str:
    return execution_id("sample", "shout", "/tests", event_id)


async def failed(api: Hosted, *event_ids: str) -> None:
    for event_id in event_ids:
        api.platform.publish(said("hello", event_id=event_id, fail="Rejected", times=len(event_ids)))
    await api.platform.quiet()


async def listed(api: Hosted, query: str = "") -> Any:
    response = await api.http.get(LETTERS + query)
    assert response.status_code == 200
    return response.json()


async def test_there_are_none_at_first(api: Hosted) -> None:
    assert await listed(api) == {"dead_letters": [], "next": None}


async def test_a_letter_says_what_failed_and_why(api: Hosted) -> None:
    await failed(api, "1")
    (entry,) = (await listed(api))["dead_letters"]
    assert entry["first_seen"] <= entry["last_seen"]
    assert {name: entry[name] for name in entry if name not in {"first_seen", "last_seen", "size"}} == {
        "id": identity("1"),
        "agent": "sample",
        "task": "shout",
        "cause": "rejected",
        "message": "as told",
        "event_type": "agents.sample.word.said",
        "event_id": "1",
        "source": "/tests",
        "replayable": True,
        "attempts": 1,
        "state": "open",
        "replayed_as": None,
        "dropped_because": None,
        "changed_at": None,
    }


async def test_one_letter_holds_the_original_whole_and_its_history(api: Hosted) -> None:
    await failed(api, "1")
    whole = (await api.http.get(f"{LETTERS}/{identity('1')}")).json()
    assert whole["original"]["data"] == {"word": "hello", "fail": "Rejected", "times": 1}
    assert whole["error"] == {"code": "rejected", "message": "as told", "details": {}}
    assert whole["correlation_id"] == identity("1")
    (attempt,) = whole["history"]
    assert (attempt["owner"], attempt["ended"]) == (api.service.owner.name, "failed")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?cause=rejected", 2),
        ("?cause=internal", 0),
        ("?task=shout&type=agents.sample.word.said", 2),
        ("?task=whisper", 0),
        ("?state=dropped", 0),
        ("?state=all", 2),
        ("?limit=1", 1),
        ("?after=2000-01-01", 2),
        ("?after=2000-01-01T00:00:00Z&before=2001-01-01T00:00:00%2B01:00", 0),
    ],
)
async def test_letters_are_filtered(api: Hosted, query: str, found: int) -> None:
    await failed(api, "1", "2")
    assert len((await listed(api, query))["dead_letters"]) == found


async def test_pages_follow_each_other(api: Hosted) -> None:
    await failed(api, "1", "2", "3")
    first = await listed(api, "?limit=2")
    second = await listed(api, f"?limit=2&cursor={first['next']}")
    ids = [entry["id"] for entry in first["dead_letters"] + second["dead_letters"]]
    assert sorted(ids) == sorted(map(identity, "123"))
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?colour=red", "there is no filter 'colour'"),
        ("?limit=0", "limit is a number from 1 to 500"),
        ("?limit=many", "limit is a number from 1 to 500"),
        ("?state=lost", "state is one of open, replayed, dropped, all"),
        ("?after=yesterday", "after is a time such as"),
        ("?cursor=%00", "cursor is what `next`"),
    ],
)
async def test_a_wrong_filter_is_told(api: Hosted, query: str, told: str) -> None:
    response = await api.http.get(LETTERS + query)
    assert response.status_code == 400
    assert told in error_of(response)["message"]


async def test_a_replay_is_accepted_and_links_both(api: Hosted) -> None:
    await failed(api, "1")
    first = await api.post(f"{LETTERS}/{identity('1')}/replay", {})
    assert first.status_code == 202
    replay = first.json()["execution_id"]
    assert first.json() == {"execution_id": replay, "replay_of": identity("1")}
    assert first.headers["location"] == f"/api/sample/executions/{replay}"
    assert (await api.post(f"{LETTERS}/{identity('1')}/replay", {})).json() == first.json()
    await api.platform.quiet()
    done = (await api.http.get(first.headers["location"])).json()
    assert (done["status"], done["replay_of"]) == ("completed", identity("1"))
    (entry,) = (await listed(api, "?state=replayed"))["dead_letters"]
    assert entry["replayed_as"] == replay
    assert (await listed(api))["dead_letters"] == []


async def test_a_dropped_letter_keeps_its_reason_and_is_not_replayed(api: Hosted) -> None:
    await failed(api, "1")
    dropped = await api.post(f"{LETTERS}/{identity('1')}/drop", {"reason": " a test order "})
    assert dropped.status_code == 200
    assert (dropped.json()["state"], dropped.json()["dropped_because"]) == ("dropped", "a test order")
    refused = await api.post(f"{LETTERS}/{identity('1')}/replay", {})
    assert refused.status_code == 409
    assert error_of(refused)["code"] == "dead_letter_settled"
    assert "a test order" in error_of(refused)["message"]


async def test_a_replayed_letter_is_not_dropped(api: Hosted) -> None:
    await failed(api, "1")
    await api.post(f"{LETTERS}/{identity('1')}/replay", {})
    assert (await api.post(f"{LETTERS}/{identity('1')}/drop", {"reason": "late"})).status_code == 409


@pytest.mark.parametrize("path", [NOBODY, "x", NOBODY + "%0A", "..%2F1"])
async def test_an_unknown_letter_is_not_found(api: Hosted, path: str) -> None:
    assert (await api.http.get(f"{LETTERS}/{path}")).status_code == 404
    assert (await api.post(f"{LETTERS}/{path}/replay", {})).status_code == 404
    assert (await api.post(f"{LETTERS}/{path}/drop", {"reason": "x"})).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": 5}, {"reason": "x" * 501}, {"reason": "x", "y": 1}]
)
async def test_a_drop_needs_a_reason(api: Hosted, body: Any) -> None:
    await failed(api, "1")
    response = await api.post(f"{LETTERS}/{identity('1')}/drop", body)
    assert response.status_code == 422
    assert "reason" in error_of(response)["message"]


async def test_a_failed_request_is_a_letter_only_when_it_was_not_the_callers_fault(api: Hosted) -> None:
    await api.post("/api/sample/shout", {"word": "a", "fail": "Rejected", "times": 1})
    assert (await listed(api))["dead_letters"] == []
    await api.post("/api/sample/shout", {"word": "b", "fail": "KeyError", "times": 9})
    (entry,) = (await listed(api))["dead_letters"]
    assert (entry["cause"], entry["source"], entry["event_type"]) == ("internal", "/callers/local", None)
