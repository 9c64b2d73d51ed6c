"""What an agent's start loads, and what it leaves for whoever needs it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from starlette.routing import BaseRoute, Route

from agents.service_desk import AGENT
from tests.unit.host.hosted import hosted

ROOT: Final = Path(__file__).resolve().parents[3]
NOT_AT_START: Final = (
    # of other ways to be served, watched and kept
    "infrastructure.dapr.push",
    "infrastructure.guardrails",
    "infrastructure.prompts.git.fetched",
    "infrastructure.prompts.live",
    "dapr.clients",
    "opentelemetry.sdk",
    "prometheus_client",
    # of a file of models
    "infrastructure.host.catalogue",
    *(
        f"infrastructure.llm.{name}"
        for name in (
            "accounts",
            "allowance",
            "cache",
            "catalogue",
            "catalogue_file",
            "costs",
            "fallback",
            "hedging",
            "ledger",
            "metering",
            "rate_limit",
            "retry",
            "stack",
        )
    ),
    # of what people ask beside the agent's work
    "agents.runtime.trial",
    "domain.sequential",
    "domain.verdict",
    "infrastructure.host.inspection",
    "infrastructure.prompts.releases.changes",
    "infrastructure.rollout.feedback",
    "infrastructure.rollout.orders",
    "infrastructure.rollout.report",
    "pydantic.v1",
    # of an author's tools
    "infrastructure.evaluation",
    "infrastructure.memory",
    "infrastructure.optimisation",
    "infrastructure.testing",
)
START: Final = """
import sys
from infrastructure.host.__main__ import build
from infrastructure.host.settings import Settings
from agents.service_desk import AGENT
build(AGENT, Settings(_env_file=None))
print(*sys.modules)
"""


def test_a_plain_start_loads_nothing_that_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "infrastructure.llm.lean" in loaded
    assert {name for name in NOT_AT_START if name in loaded} == set()


async def test_the_routes_of_the_start_are_those_of_the_work_and_the_probes() -> None:
    async with hosted(AGENT) as api:
        assert (await api.http.get("/healthz")).status_code == 200
        assert (await api.post("/api/service-desk/triage", {})).status_code == 422
        assert (await api.http.get("/dapr/config")).status_code == 404
        assert "/api/service-desk/costs" not in _paths(api.app.routes)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/service-desk/costs", 200),
        ("/api/service-desk/nothing/here", 404),
        ("/api/service-desk/entities/ticket/T-1", 404),
    ],
)
async def test_whoever_asks_first_for_another_route_is_answered_as_ever(path: str, status: int) -> None:
    async with hosted(AGENT) as api:
        answers = [(await api.http.get(path)).status_code for _ in range(2)]
        assert answers == [status, status]
        assert "/api/service-desk/costs" in _paths(api.app.routes)


async def test_many_who_ask_at_once_make_the_routes_once() -> None:
    async with hosted(AGENT) as api:
        answers = await asyncio.gather(*(api.http.get("/api/service-desk/costs") for _ in range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8
        assert _paths(api.app.routes).count("/api/service-desk/costs") == 1


def _paths(routes: Iterable[BaseRoute]) -> list[str]:
    return [route.path for route in routes if isinstance(route, Route)]
