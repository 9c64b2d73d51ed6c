"""Alive, ready, measured."""

from __future__ import annotations

import asyncio

import pytest

from infrastructure.host import probes
from infrastructure.host.service import Check
from tests.unit.host.hosted import Hosted


def says(problem: str | None) -> Check:
    async def check() -> str | None:
        return problem

    return check


async def test_a_process_that_lives_says_so(api: Hosted) -> None:
    response = await api.http.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


async def test_ready_names_every_check(api: Hosted) -> None:
    api.service.checks |= {"sidecar": says(None), "model": says(None), "prompts": says(None)}
    response = await api.http.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"subscription": "ok", "sidecar": "ok", "model": "ok", "prompts": "ok"},
    }


@pytest.mark.parametrize("broken", ["sidecar", "model", "prompts"])
async def test_one_failed_check_is_503_under_its_name(api: Hosted, broken: str) -> None:
    api.service.checks |= dict.fromkeys(("sidecar", "model", "prompts"), says(None)) | {broken: says("gone")}
    response = await api.http.get("/readyz")
    assert response.status_code == 503
    expected = dict.fromkeys(("subscription", "sidecar", "model", "prompts"), "ok") | {broken: "gone"}
    assert response.json() == {"status": "not ready", "checks": expected}


async def test_a_subscription_that_is_not_open_is_not_ready(api: Hosted) -> None:
    await api.service.stop(grace=0)
    response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"subscription": "not every topic is subscribed yet"}


async def test_a_check_that_fails_or_hangs_is_an_answer_too(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> str | None:
        raise RuntimeError("with a secret")

    async def hanging() -> str | None:
        await asyncio.sleep(60)
        return None

    monkeypatch.setattr(probes, "CHECK_SECONDS", 0.05)
    api.service.checks |= {"model": broken, "sidecar": hanging}
    response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {
        "subscription": "ok",
        "model": "the check failed with RuntimeError; see the log",
        "sidecar": "no answer within 0.05 s",
    }


async def test_metrics_come_in_prometheus_form(api: Hosted) -> None:
    response = await api.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
