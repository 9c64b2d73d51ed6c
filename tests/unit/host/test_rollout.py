"""Splits, promotion, rollback, figures and feedback over HTTP, as `agents prompts` uses them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from infrastructure.rollout import live
from tests.unit.host.hosted import Hosted, error_of, hosted
from tests.unit.rollout.room import until
from tests.unit.rollout.writing import ByVersion, prompts, writer

ROOT = "/api/writer/prompts/write"
EVALUATION = {
    "prompt": "writer/write", "version": "1.0.0", "prompt_hash": "0" * 64, "cases_hash": "0" * 64,
    "model": {"provider": "ollama", "name": "tiny"}, "date": "2026-11-22", "n": 8, "repeat": 1, "seed": 1,
    "settings": {"max_tokens": 400, "temperature": None, "top_p": None}, "score": 0.875, "scores": {"a": 0.875},
}  # fmt: skip


@pytest.fixture
def script() -> ByVersion:
    return ByVersion()


@pytest.fixture
async def api(script: ByVersion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Hosted]:
    monkeypatch.setattr(live, "REFRESH", 0.05)
    monkeypatch.setattr(live, "FIRST", 0.01)
    monkeypatch.setattr(live, "FLUSH", (0.01, 0.03))
    async with hosted(
        writer(), model=script.model(), prompts=prompts(), rollout=True, folder=tmp_path
    ) as running:
        yield running


async def put(api: Hosted, *shares: tuple[str, Any], **more: Any) -> Any:
    body = {"shares": dict(shares), **more}
    return await api.http.put(f"{ROOT}/split", json=body)


async def written(api: Hosted) -> None:
    rollout = api.service.rollout
    assert rollout is not None
    await until(lambda: rollout.figures.is_empty)


async def stats(api: Hosted) -> Any:
    await written(api)
    response = await api.http.get(f"{ROOT}/stats")
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_split_is_set_shown_and_ended(api: Hosted) -> None:
    assert (await api.http.get(f"{ROOT}/split")).json() == {"prompt": "write", "split": None}
    response = await put(api, ("1.0.0", 90), ("1.1.0", 10))
    assert response.status_code == 200
    split = response.json()["split"]
    assert split.pop("at")
    assert split == {
        "revision": 1,
        "baseline": "1.0.0",
        "shares": {"1.0.0": 90, "1.1.0": 10},
        "dearer": 25,
        "label": "r1:1.0.0=90,1.1.0=10",
    }
    assert (await api.http.get(f"{ROOT}/split")).json()["split"]["revision"] == 1
    ended = await api.http.delete(f"{ROOT}/split")
    assert (ended.status_code, ended.json()) == (200, {"prompt": "write", "split": None})
    assert (await api.http.delete(f"{ROOT}/split")).status_code == 200


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        (
            (("1.0.0", 90), ("1.3.0", 10)),
            "1.3.0 is a draft (prompts/writer/write/1.3.0.yaml): `agents prompts release",
        ),
        ((("1.0.0", 90), ("7.0.0", 10)), "there is no write 7.0.0; released are 1.0.0, 1.1.0, 1.1.5, 1.2.0"),
        ((("1.0.0", 90), ("zero", 10)), "there is no write zero"),
        ((("1.0.0", 90), ("0.9.0", 10)), "0.9.0 is deprecated"),
        ((("1.0.0", 90), ("1.1.5", 10)), "the variable colour has no field to fill it"),
        ((("1.0.0", 90), ("1.1.0", 11)), "the shares make 101 %: they have to make 100"),
        ((("1.0.0", 50),), "the shares make 50 %"),
        ((("1.0.0", 110), ("1.1.0", -10)), "1.1.0=-10: a share is a whole number of per cent, 0 to 100"),
        ((("1.0.0", 90.5), ("1.1.0", 9.5)), "1.0.0=90.5: a share is a whole number"),
        ((("1.0.0", "90"), ("1.1.0", 10)), "1.0.0=90: a share is a whole number"),
        ((("1.0.0", True), ("1.1.0", 99)), "1.0.0=True: a share is a whole number"),
    ],
)
async def test_a_split_that_cannot_be_is_refused_with_its_cure_and_nothing_changes(
    api: Hosted, shares: tuple[tuple[str, Any], ...], told: str
) -> None:
    await put(api, ("1.0.0", 80), ("1.1.0", 20))
    response = await put(api, *shares)
    assert response.status_code == 422
    error = error_of(response)
    assert error["code"] == "invalid_input"
    assert told in error["message"]
    assert any(told in problem["problem"] for problem in error["details"]["errors"])
    assert (await api.http.get(f"{ROOT}/split")).json()["split"]["label"] == "r1:1.0.0=80,1.1.0=20"


async def test_all_problems_of_a_split_are_told_at_once(api: Hosted) -> None:
    problems = error_of(await put(api, ("1.3.0", 50), ("8.0.0", 20)))["details"]["errors"]
    assert [problem["field"] for problem in problems] == ["shares.1.3.0", "shares.8.0.0", "shares"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"shares": {}},
        {"shares": 100},
        {"shares": {"1.0.0": 100}, "colour": "red"},
        {"shares": {"1.0.0": 100}, "dearer": -1},
        {"shares": {"1.0.0": 100}, "dearer": True},
    ],
)
async def test_a_body_that_is_no_split_is_told_what_one_looks_like(api: Hosted, body: Any) -> None:
    response = await api.http.put(f"{ROOT}/split", json=body)
    assert (response.status_code, error_of(response)["code"]) == (422, "invalid_input")


async def test_a_split_is_set_in_the_shape_in_which_it_is_shown(api: Hosted) -> None:
    await put(api, ("1.0.0", 90), ("1.1.0", 10))
    shown = (await api.http.get(f"{ROOT}/split")).json()["split"]
    again = await api.http.put(f"{ROOT}/split", json={name: shown[name] for name in ("shares", "dearer")})
    assert again.json()["split"]["shares"] == shown["shares"]
    listed = {"shares": [{"version": "1.0.0", "percent": 100}]}
    refused = await api.http.put(f"{ROOT}/split", json=listed)
    assert (refused.status_code, error_of(refused)["message"]) == (
        422,
        'send {"shares": {"1.0.0": 90, "1.1.0": 10}} (not a list), and "dearer" if you want',
    )


@pytest.mark.parametrize("path", ["split", "stats"])
async def test_a_prompt_that_the_agent_does_not_ask_is_not_found(api: Hosted, path: str) -> None:
    response = await api.http.get(f"/api/writer/prompts/paint/{path}")
    assert response.status_code == 404
    assert error_of(response)["details"] == {"prompts": ["write"]}


async def test_a_promoted_version_has_all_the_work_also_when_a_newer_one_is_released(api: Hosted) -> None:
    await put(api, ("1.0.0", 90), ("1.1.0", 10))
    promoted = await api.post(f"{ROOT}/promote", {"version": "1.1.0"})
    assert promoted.json()["split"]["shares"] == {"1.1.0": 100}
    done = (await api.post("/api/writer/write", {"subject": "rain"})).json()
    assert done["prompt"]["version"] == "1.1.0"
    record = (await api.http.get(f"/api/writer/executions/{done['execution_id']}")).json()
    assert record["prompt"]["split"] == "r2:1.1.0=100"


async def test_what_is_promoted_must_be_a_release(api: Hosted) -> None:
    response = await api.post(f"{ROOT}/promote", {"version": "1.3.0"})
    assert "1.3.0 is a draft" in error_of(response)["message"]
    assert (await api.post(f"{ROOT}/promote", {})).status_code == 422


async def test_a_rollback_gives_all_to_the_baseline_and_keeps_the_reason(api: Hosted) -> None:
    await put(api, ("1.0.0", 70), ("1.1.0", 30))
    rolled = await api.post(f"{ROOT}/rollback", {"because": "it rhymes"})
    assert rolled.json()["split"]["shares"] == {"1.0.0": 100, "1.1.0": 0}
    told = await stats(api)
    (version,) = [one for one in told["versions"] if one["version"] == "1.1.0"]
    (taken,) = version["taken_back"]
    assert (taken["criterion"], taken["because"], taken["share"]) == ("by hand", "it rhymes", 30)
    (event,) = [event for event in api.platform.events if event.type == "agents.writer.prompt.rolled-back"]
    assert (event.data["criterion"], event.data["because"]) == ("by hand", "it rhymes")


async def test_where_nothing_is_split_there_is_nothing_to_roll_back(api: Hosted) -> None:
    error = error_of(await api.post(f"{ROOT}/rollback", {}))
    assert "writer/write is not split: 1.2.0 has all the work" in error["message"]
    assert "agents prompts promote writer/write VERSION" in error["message"]


async def test_the_figures_say_how_each_version_fares_and_how_they_compare(
    api: Hosted, script: ByVersion
) -> None:
    script.answers["1.1.0"] = '{"text": "no"}'
    script.tokens["1.0.0"] = 100
    await put(api, ("1.0.0", 50), ("1.1.0", 50))
    for number in range(12):
        await api.post("/api/writer/write", {"subject": "rain"}, X_Correlation_ID=f"c{number}")
    told = await stats(api)
    assert (told["agent"], told["prompt"], told["baseline"]) == ("writer", "write", "1.0.0")
    versions = {one["version"]: one for one in told["versions"]}
    assert list(versions) == ["0.9.0", "1.0.0", "1.1.0", "1.1.5", "1.2.0"]
    baseline, candidate = versions["1.0.0"], versions["1.1.0"]
    assert baseline["comparison"] is None
    ran = baseline["total"]["executions"] + candidate["total"]["executions"]
    assert ran == 12
    assert baseline["experiment"] == baseline["total"]
    assert baseline["experiment"]["input_tokens"]["mean"] == 100
    assert candidate["experiment"]["failed"]["rate"] == 1
    assert candidate["experiment"]["valid"]["rate"] == 1
    criteria = [finding["criterion"] for finding in candidate["comparison"]["findings"]]
    assert criteria == ["failures", "validity", "cost"]
    assert candidate["comparison"]["findings"][0]["evidence"] > 1
    assert versions["0.9.0"]["state"] == "deprecated"


async def test_a_candidate_that_only_fails_loses_its_work_and_the_figures_say_why(
    api: Hosted, script: ByVersion
) -> None:
    script.answers["1.1.0"] = '{"text": "no"}'
    await put(api, ("1.0.0", 50), ("1.1.0", 50))
    for number in range(40):
        await api.post("/api/writer/write", {"subject": "rain"}, X_Correlation_ID=f"c{number}")
    await written(api)
    told = await stats(api)
    assert told["split"]["shares"] == {"1.0.0": 100, "1.1.0": 0}
    candidate = next(one for one in told["versions"] if one["version"] == "1.1.0")
    assert candidate["comparison"]["worse"] == ["failures"]
    assert candidate["taken_back"][0]["criterion"] == "failures"
    assert "executions failed (100.0%)" in candidate["taken_back"][0]["because"]


async def completed(api: Hosted) -> str:
    done = await api.post("/api/writer/write", {"subject": "rain"})
    return str(done.json()["execution_id"])


async def test_feedback_is_counted_for_the_version_that_ran_and_the_last_of_each_person_stands(
    api: Hosted,
) -> None:
    execution = await completed(api)
    path = f"/api/writer/executions/{execution}/feedback"
    first = await api.post(path, {"score": 1, "comment": "lovely", "by": "maria"})
    assert first.status_code == 200
    assert {k: v for k, v in first.json().items() if k != "at"} == {
        "execution_id": execution, "by": "maria", "score": 1.0, "comment": "lovely",
    }  # fmt: skip
    for _ in range(3):
        await api.post(path, {"score": 0.5, "by": "maria"})
    await api.post(path, {"score": 0})
    (version,) = [one for one in (await stats(api))["versions"] if one["version"] == "1.2.0"]
    assert (version["total"]["feedback"]["n"], version["total"]["feedback"]["mean"]) == (2, 0.25)


@pytest.mark.parametrize(
    "body",
    [{}, {"score": 2}, {"score": -0.1}, {"score": "1"}, {"score": True}, {"score": 1, "by": ""}, {"score": 1, "x": 1},
     {"score": 1, "comment": 5}, {"score": 1, "comment": "x" * 2001}],
)  # fmt: skip
async def test_feedback_that_is_none_is_refused(api: Hosted, body: Any) -> None:
    path = f"/api/writer/executions/{await completed(api)}/feedback"
    assert (await api.post(path, body)).status_code == 422


async def test_feedback_is_for_completed_executions_that_are_known(api: Hosted, script: ByVersion) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for identity in (unknown, "x"):
        response = await api.post(f"/api/writer/executions/{identity}/feedback", {"score": 1})
        assert (response.status_code, error_of(response)["code"]) == (404, "unknown_execution")
    script.answers["1.2.0"] = '{"text": "no"}'
    failed = error_of(await api.post("/api/writer/write", {"subject": "rain"}))["details"]["execution_id"]
    response = await api.post(f"/api/writer/executions/{failed}/feedback", {"score": 1})
    assert (response.status_code, error_of(response)["code"]) == (409, "not_completed")


async def test_the_score_of_an_evaluation_is_shown_beside_the_figures(api: Hosted, tmp_path: Path) -> None:
    folder = tmp_path / "writer" / "write" / "evaluations"
    folder.mkdir(parents=True)
    (folder / "1.0.0.json").write_text(json.dumps(EVALUATION))
    (folder / "1.1.0.json").write_text("{broken")
    versions = {one["version"]: one["evaluation"] for one in (await stats(api))["versions"]}
    assert (versions["1.0.0"], versions["1.1.0"]) == (0.875, None)
