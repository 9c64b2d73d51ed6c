"""The states that alerts tell of, brought about on a real sidecar and Redis: what the agent's own /metrics say then makes the
chart's own rules fire, by Prometheus' own code. Hours and minutes are the rules'; only what happens between two looks is played.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from redis import Redis as RedisClient
from rich.console import Console

from cli.local.provision.run import Programs, Wanted, provision
from deploy.tests.replicas import AGENT, field
from deploy.verify.alerts import Labels, Series, as_rates, as_steps, fires, groups_of, hold
from deploy.verify.chart import Document
from tests.stand_ins.openai_server import MODEL, slow, status
from tests.support.raw_http import post
from tests.support.waiting import eventually

# Above the usual one, for machines that do other work: everything in here waits for what happens, none for a time.
pytestmark = pytest.mark.timeout(600)

Judged = Callable[..., None]
SPEC = "agents.testplanning.spec.generated"
OPERATIONS = ("get", "create", "swap", "put", "publish")
CATALOGUE = {
    "models": {
        "west": {
            "provider": "openai",
            "address": "http://127.0.0.1:9/v1",
            "model": MODEL,
            "key": "OPENAI_API_KEY",
            "prices": "free",
            "fallbacks": ["north"],
        },
        "north": {
            "provider": "openai",
            "address": "MODEL_URL",
            "model": MODEL,
            "key": "OPENAI_API_KEY",
            "prices": "free",
        },
    },
    "tasks": {"default": "north"},
}


@pytest.fixture(scope="module")
def programs() -> Programs:
    return asyncio.run(provision(Wanted(ollama=False, model=False), os.environ, Console(stderr=True)))


@pytest.fixture(scope="session")
def judged(promtool: Path, rendered: Callable[..., list[Document]]) -> Callable[..., None]:
    """`judged("AgentsSlow", [{"agent": …}], series)`: that it fires by then, once with each of the labels; with [], that it does not."""
    groups = groups_of(rendered("prod"))

    def judge(alert: str, labels: Sequence[Labels], series: Sequence[Series], *, minute: int = 15) -> None:
        hold(promtool, groups, [fires(alert, labels, series, minute)])

    return judge


def test_the_first_dead_letter_of_a_process_is_told(
    programs: Programs, tmp_path: Path, judged: Judged
) -> None:
    with field(programs, tmp_path) as one:
        before = one.page()
        bad = {"specversion": "1.0", "id": "1", "source": "/tests", "type": SPEC, "data": {"title": 7}}
        with RedisClient(port=one.redis.port) as redis:
            redis.xadd(SPEC, {"data": json.dumps(bad)})
        began = time.monotonic()
        after = one.until("agents_dead_letters_total", 1)
        lasted = time.monotonic() - began
        # Asked for over HTTP, the same is an answer to its caller, who has to mend it.
        answer = post(one.replicas[0].port, f"/api/{AGENT}/execute", b'{"task": "review-code", "input": {}}')
        assert answer is not None
        assert answer.status == 422
        assert one.page().count("agents_dead_letters_total{") == after.count("agents_dead_letters_total{")

    labels = {"severity": "warning", "agent": AGENT, "cause": "invalid_input"}
    judged("AgentsDeadLetters", [labels], as_steps(before, after, pod="a"))
    judged("AgentsFailing", [{"severity": "critical", "agent": AGENT}], as_rates(before, after, lasted))
    judged("AgentsDeadLetters", [], as_steps(before, before, pod="a"))


def test_a_model_that_is_down_is_told_and_one_that_is_back_is_not(
    programs: Programs, tmp_path: Path, judged: Judged
) -> None:
    with field(programs, tmp_path) as one:
        assert one.ask("well") == 200
        well = one.page()
        one.model.usual = status(500)
        began = time.monotonic()
        assert one.ask("ill", wait=False) == 202
        ill = one.until('gen_ai_client_operation_duration_seconds_count{error_type="model_unavailable"', 2)
        lasted = time.monotonic() - began

    labels = {"severity": "critical", "gen_ai_provider_name": "openai"}
    judged("AgentsModelFails", [labels], as_rates(well, ill, lasted))
    judged("AgentsModelFails", [], as_rates(well, well, lasted))


def test_a_slow_model_makes_slow_work(programs: Programs, tmp_path: Path, judged: Judged) -> None:
    with field(programs, tmp_path) as one:
        before = one.page()
        one.model.next.append(slow(11))
        began = time.monotonic()
        assert one.ask("slow", wait=False) == 202
        after = one.until("agents_execution_duration_seconds_count", 1)

    series = as_rates(before, after, time.monotonic() - began)
    judged("AgentsSlow", [{"severity": "warning", "agent": AGENT}], series, minute=20)


def test_a_store_and_broker_that_are_down_are_told(
    programs: Programs, tmp_path: Path, judged: Judged
) -> None:
    with field(programs, tmp_path) as one:
        assert one.ask("well") == 200
        one.model.usual = slow(3)
        for key in range(8):
            assert one.ask(str(key), wait=False) == 202
        eventually(lambda: len(one.model.requests) == 9)
        one.redis.process.kill()
        before = one.until('agents_sidecar_call_duration_seconds_count{error_type="sidecar_unavailable"', 1)
        began = time.monotonic()
        after = one.until('agents_sidecar_call_duration_seconds_count{error_type="sidecar_unavailable"', 20)
        series = as_rates(before, after, time.monotonic() - began)

    failing = {name for name in OPERATIONS if any(_rises(one, name) for one in series)}
    assert failing
    judged(
        "AgentsSidecarCallsFail",
        [{"severity": "critical", "operation": operation} for operation in sorted(failing)],
        series,
    )


@pytest.mark.parametrize(
    ("number", "fired"),
    [(signal.SIGTERM, []), (signal.SIGKILL, [{"severity": "warning", "agent": AGENT}])],
)
def test_a_killed_replica_is_told_and_one_that_was_asked_to_end_is_not(
    programs: Programs, tmp_path: Path, judged: Judged, number: signal.Signals, fired: list[Labels]
) -> None:
    with field(programs, tmp_path, replicas=2) as two:
        two.model.usual = slow(600)
        for key in range(8):
            assert two.ask(str(key), wait=False) == 202
        eventually(lambda: len(two.model.requests) == 8)
        two.model.usual = slow(0)
        before = two.page(1)
        two.replicas[0].process.signal(number)
        after = two.until("agents_executions_total", 8, replica=1)

    judged("AgentsTakeOver", fired, as_steps(before, after, pod="b"))


def test_a_hard_budget_that_is_used_up_is_told(programs: Programs, tmp_path: Path, judged: Judged) -> None:
    models = {**CATALOGUE, "budgets": {"day": {"calls": 1}}}
    with field(programs, tmp_path, models=models) as one:
        before = one.page()
        assert one.ask("within") == 200
        assert one.ask("beyond") == 402
        after = one.until("agents_budget_exceeded_total", 1)

    labels = {"severity": "warning", "agent": AGENT, "scope": "day"}
    judged("AgentsBudgetExceeded", [labels], as_steps(before, after, pod="a"))


def test_a_region_that_another_one_stands_in_for_is_told(
    programs: Programs, tmp_path: Path, judged: Judged
) -> None:
    models = {**CATALOGUE, "tasks": {"default": "west"}}
    with field(programs, tmp_path, models=models) as one:
        before = one.page()
        for key in range(12):
            assert one.ask(str(key)) == 200
        after = one.until("agents_model_fallbacks_total", 12)

    labels = {"severity": "warning", "from": "west", "to": "north"}
    judged("AgentsModelFallsBack", [labels], as_steps(before, after, pod="a"))
    judged("AgentsModelFallsBack", [], as_steps(after, after, pod="a"))


def _rises(series: Series, operation: str) -> bool:
    failing = 'error_type="sidecar_unavailable"' in series["series"]
    per_step = float(series["values"].partition("+")[2].partition("x")[0])
    count = series["series"].startswith("agents_sidecar_call_duration_seconds_count")
    return count and failing and f'operation="{operation}"' in series["series"] and per_step / 30 > 0.1
