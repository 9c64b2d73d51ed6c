"""What can be read of an agent: executions, correlations, entities, tasks, prompts."""

from __future__ import annotations

import pytest

from agents.service_desk import AGENT as SERVICE_DESK
from tests.unit.host.hosted import Hosted, error_of, hosted


@pytest.mark.parametrize(
    "unknown",
    [
        "00000000-0000-5000-8000-000000000000", "nonsense", "%00", "..%2f..%2fetc", "a%2Fb", "%ff%fe", "%F0%9F%98%80",
        "x" * 5000, "%0d%0aSet-Cookie:a", "*", "execution:1", "||",
    ],
)  # fmt: skip
async def test_an_unknown_execution_is_404_however_it_is_spelt(api: Hosted, unknown: str) -> None:
    response = await api.http.get(f"/api/sample/executions/{unknown}")
    assert response.status_code == 404
    assert error_of(response)["code"] in {"unknown_execution", "not_found"}
    assert len(response.content) < 1000
    assert api.platform.stores["sample"].calls["get"] <= 2


async def test_a_correlation_id_leads_to_the_executions_that_brought_it_in(api: Hosted) -> None:
    first = await api.post("/api/sample/shout", {"word": "a"}, X_Correlation_ID="order/7?x=1&#%")
    second = await api.post("/api/sample/shout", {"word": "b"}, X_Correlation_ID="order/7?x=1&#%")
    await api.post("/api/sample/shout", {"word": "c"}, X_Correlation_ID="order-8")
    response = await api.http.get("/api/sample/correlations/order%2F7%3Fx%3D1%26%23%25")
    assert response.json() == {
        "executions": [first.json()["execution_id"], second.json()["execution_id"]],
    }


async def test_an_unknown_correlation_id_has_no_executions(api: Hosted) -> None:
    response = await api.http.get("/api/sample/correlations/nobody")
    assert (response.status_code, response.json()) == (200, {"executions": []})


async def test_an_entity_is_shown_as_it_is_now(api: Hosted) -> None:
    await api.post("/api/sample/shout", {"word": "a"})
    await api.post("/api/sample/shout", {"word": "b"})
    response = await api.http.get("/api/sample/entities/tally/all")
    assert (response.status_code, response.json()) == (200, {"words": ["A", "B"]})


@pytest.mark.parametrize("path", ["tally/nobody", "tally/%00", "tally/" + "x" * 5000, "cat/all", "%00/all"])
async def test_an_unknown_entity_is_404(api: Hosted, path: str) -> None:
    response = await api.http.get(f"/api/sample/entities/{path}")
    assert response.status_code == 404
    assert error_of(response)["code"] == "unknown_entity"
    assert len(response.content) < 1000


async def test_an_unknown_kind_of_entity_names_the_known_ones(api: Hosted) -> None:
    response = await api.http.get("/api/sample/entities/cat/all")
    assert error_of(response)["details"] == {"kinds": ["tally"]}


async def test_tasks_are_listed_with_schemas_and_the_events_that_start_them(api: Hosted) -> None:
    body = (await api.http.get("/api/sample/tasks")).json()
    assert body["agent"] == "sample"
    (task,) = body["tasks"]
    assert (task["name"], task["description"]) == ("shout", "Shout a word.")
    assert task["input"]["required"] == ["word"]
    assert task["examples"] == []
    assert task["reacts_to"] == ["agents.sample.word.said"]


async def test_prompts_are_listed_with_version_and_hash() -> None:
    async with hosted(SERVICE_DESK) as api:
        prompts = (await api.http.get("/api/service-desk/prompts")).json()["prompts"]
    assert [prompt["name"] for prompt in prompts] == ["suggest-solution", "triage"]
    assert sorted(prompts[1]) == [
        "description",
        "hash",
        "max_tokens",
        "name",
        "variables",
        "version",
        "versions",
    ]
    assert prompts[1]["variables"] == ["title", "description", "impact"]
    assert prompts[1]["max_tokens"] > 0
