"""An agent whose models come from a file: its start, its records, its costs, the event of a budget."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from agents.runtime.context import Ports
from agents.service_desk import AGENT
from domain.errors import ModelsInvalid
from domain.event import Event
from domain.events.servicedesk import TicketCreated
from infrastructure.host import __main__ as host
from infrastructure.host.models import Models, Reach, models_of
from infrastructure.host.settings import Settings
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.platform import MemoryPlatform
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, serving
from tests.unit.host.hosted import error_of, hosted

FILE = """
currency: EUR
models:
  first: {{provider: openai, address: '{url}', model: {model}, key: TEST_MODEL_KEY, prices: {{input: 1_000, output: 10_000}}}}
tasks: {{default: first, service-desk/triage: {{model: first}}}}
budgets: {budgets}
"""
TICKET = {"ticket_id": "T-1", "title": "Mail is down", "description": "Nobody gets any mail."}


def settings(folder: Path, url: str, budgets: str = "{}") -> Settings:
    (folder / "models.yaml").write_text(FILE.format(url=url, model=MODEL, budgets=budgets))
    return Settings(models=folder / "models.yaml")


def put_in(platform: MemoryPlatform, chosen: Settings) -> Models:
    """Have the platform's agent ask the models of the file."""
    service = platform.services[AGENT.name]
    store = platform.stores[AGENT.name]
    models = models_of(AGENT, chosen)(Reach(store, store, platform.broker, MemoryTelemetry()))
    ports: Ports = dataclasses.replace(service.ports, model=models.model)
    service.ports, service.costs = ports, models.costs
    service.runner.work._ports = ports
    return models


async def test_a_record_says_what_it_cost_and_a_soft_budget_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    async with serving(OpenAIServer()) as server, hosted(AGENT) as api:
        models = put_in(
            api.platform, settings(tmp_path, server.url, "{day: {cost: {soft: 0.01, hard: 100}}}")
        )
        result = (await api.post("/api/service-desk/triage", TICKET)).json()
        assert result["cost"] == pytest.approx((12 * 1_000 + 7 * 10_000) / 1e6)
        record = (await api.http.get(f"/api/service-desk/executions/{result['execution_id']}")).json()
        assert record["cost"] == result["cost"]
        await models.close()  # writes what was counted, without waiting for its turn
        passed = [
            event for event in api.platform.events if event.type == "agents.servicedesk.budget.exceeded"
        ]
        assert len(passed) == 1
        assert passed[0].data | {"spent": None, "period": None} == {
            "agent": "service-desk",
            "scope": "day",
            "period": None,
            "resource": "cost",
            "bound": 0.01,
            "spent": None,
            "currency": "EUR",
        }
        costs = (await api.http.get("/api/service-desk/costs")).json()
        assert (costs["counted"], costs["currency"]) == (True, "EUR")
        assert ("triage", "first", 1, 12) in [
            (line["task"], line["model"], line["calls"], line["input_tokens"]) for line in costs["costs"]
        ]


async def test_a_hard_budget_is_402_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    async with serving(OpenAIServer()) as server, hosted(AGENT) as api:
        models = put_in(api.platform, settings(tmp_path, server.url, "{day: {calls: 1}}"))
        assert (await api.post("/api/service-desk/triage", TICKET)).status_code == 200
        refused = await api.post("/api/service-desk/triage", TICKET)
        assert refused.status_code == 402
        error = refused.json()["error"]
        assert (error["code"], error["details"]["scope"]) == ("budget_exceeded", "day")
        assert "Raise budgets.day.calls" in error["message"]
        assert len(server.requests) == 1
        await models.close()


async def test_a_hard_budget_makes_a_dead_letter_of_an_event_and_of_a_request_the_answer_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    event = TicketCreated(reporter="Ada", **TICKET)
    async with serving(OpenAIServer()) as server, hosted(AGENT) as api:
        models = put_in(api.platform, settings(tmp_path, server.url, "{day: {tokens: 1}}"))
        refused = await api.post("/api/service-desk/triage", TICKET, Idempotency_Key="k")
        error = error_of(refused)
        assert (refused.status_code, error["code"]) == (402, "budget_exceeded")
        described = (await api.http.get("/openapi.json")).json()["paths"]["/api/service-desk/triage"]
        assert "No dead letter" in described["post"]["responses"]["402"]["description"]
        again = error_of(await api.post("/api/service-desk/triage", TICKET, Idempotency_Key="k"))
        assert again["details"] == error["details"] | {"replayed": True}
        await api.platform.quiet()
        letters = "/api/service-desk/dead-letters"
        assert (await api.http.get(letters)).json()["dead_letters"] == []
        assert api.platform.events == []
        api.platform.publish(
            Event(id="1", source="/x", type=event.event_type, data=event.model_dump(mode="json"))
        )
        await api.platform.quiet()
        (letter,) = (await api.http.get(letters)).json()["dead_letters"]
        assert (letter["cause"], letter["event_id"], letter["replayable"]) == ("budget_exceeded", "1", True)
        assert "Raise budgets.day.tokens" in letter["message"]
        assert api.platform.events[-1].type == "agents.servicedesk.dead-letter"
        await models.close()


async def test_a_request_whose_caller_has_gone_is_a_dead_letter_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MODEL_KEY", KEY)
    async with serving(OpenAIServer()) as server, hosted(AGENT) as api:
        models = put_in(api.platform, settings(tmp_path, server.url, "{day: {tokens: 1}}"))
        accepted = await api.post("/api/service-desk/triage", TICKET, Prefer="respond-async")
        assert accepted.status_code == 202
        await api.platform.quiet()
        (letter,) = (await api.http.get("/api/service-desk/dead-letters")).json()["dead_letters"]
        assert (letter["cause"], letter["replayable"]) == ("budget_exceeded", True)
        await models.close()


async def test_without_a_file_nothing_is_counted_and_costs_say_so() -> None:
    async with hosted(AGENT) as api:
        costs = (await api.http.get("/api/service-desk/costs?since=2026-11-01")).json()
        assert costs == costs | {"counted": False, "currency": None, "costs": []}
        assert (await api.http.get("/api/service-desk/costs?since=soon")).status_code == 400


def test_a_task_that_the_agent_does_not_have_is_named_with_its_line(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "http://127.0.0.1:1")
    text = (tmp_path / "models.yaml").read_text().replace("key: TEST_MODEL_KEY, ", "")
    (tmp_path / "models.yaml").write_text(text.replace("service-desk/triage:", "service-desk/triadge:"))
    with pytest.raises(
        ModelsInvalid, match=r"models\.yaml:5: there is no task service-desk/triadge — write one of .*triage"
    ):
        models_of(AGENT, chosen)


def test_a_file_that_is_wrong_stops_the_start_with_every_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models.yaml").write_text("models: {a: {provider: ollama, model: m}}\ntasks: {default: b}\n")
    monkeypatch.setenv("AGENTS_MODELS", str(tmp_path / "models.yaml"))
    monkeypatch.setattr(sys, "argv", ["host", "agents.service_desk:AGENT"])
    with pytest.raises(SystemExit) as stopped:
        host.main()
    assert stopped.value.code == 78
    said = capsys.readouterr().err
    assert "models.yaml:1:13: error: `models.a` has no `prices`" in said
    assert "models.yaml:2:18: error: there is no model 'b'" in said
