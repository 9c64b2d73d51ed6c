"""The chain that a user tries first, as the README tells it: on the real model, and many times over on a quick one."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.e2e.stand_ins import StandIns
from tests.e2e.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LINKS = [
    ("test-planning", "generate-spec"),
    ("implementation", "generate-code"),
    ("notification", "compose"),
    ("notification", "send"),
]
FEATURES = {
    "english": ("Password reset by mail", "Whoever forgot the password asks for a link by mail. It works once, for one hour."),
    "german": ("Rückgabe über die Filiale", "Kundinnen geben Bestelltes in der Filiale zurück; das Geld kommt binnen drei Tagen."),
    "japanese": ("在庫アラート", "在庫が十個を下回ったら、担当者にメールで知らせる。一日に一回だけ送る。"),
}  # fmt: skip


def chain(system: System, identity: str) -> list[tuple[str, str, str]]:
    """(agent, task, status) of every execution below the identity, in order."""
    found: list[tuple[str, str, str]] = []

    def walk(node: dict[str, object]) -> None:
        found.append((str(node["agent"]), str(node["task"]), str(node["status"])))
        for event in node["events"]:  # type: ignore[attr-defined]
            for child in event["reactions"]:
                walk(child)

    # Its exit code says how the chain stands; here the tree itself is looked at.
    for root in json.loads(system.agents("chain", identity, "--json").stdout)["roots"]:
        walk(root)
    return found


def first_chain(system: System, identity: str) -> list[tuple[str, str, str]]:
    """The same of the README's own agents: others may react to their events as well."""
    return [link for link in chain(system, identity) if link[:2] in LINKS]


def asked(outside: StandIns) -> int:
    """How often the model was asked for one of the README's own answers."""
    prompts = {task.replace("-", "_") for _, task in LINKS}
    names = [request.body["response_format"]["json_schema"]["name"] for request in outside.model.requests]
    return sum(name in prompts for name in names)


@pytest.mark.parametrize("language", FEATURES)
def test_a_feature_becomes_a_spec_code_and_one_mail_under_one_correlation_id(
    real_model: System, language: str
) -> None:
    title, description = FEATURES[language]
    before = len(real_model.mails())
    status, result = real_model.post(
        "test-planning", "generate-spec", {"feature_title": title, "description": description}
    )
    assert status == 200, result
    assert result["output"]["feature_title"] == title
    eventually(lambda: len(real_model.mails()) > before, 600)
    assert first_chain(real_model, result["correlation_id"]) == [(*link, "completed") for link in LINKS]
    assert len(real_model.mails()) == before + 1


def test_fifty_chains_make_fifty_notifications_and_a_hundred_and_fifty_model_calls(
    quick_model: System, outside: StandIns
) -> None:
    before = asked(outside)
    names = [f"fifty-{uuid4()}" for _ in range(50)]
    for name in names:
        status, _ = quick_model.post(
            "test-planning",
            "generate-spec",
            {"feature_title": name, "description": "Anything."},
            {"X-Correlation-ID": name, "Prefer": "respond-async"},
        )
        assert status == 202
    eventually(lambda: all(outside.posts_of(name) for name in names), 120)
    assert [len(outside.posts_of(name)) for name in names] == [1] * 50
    assert asked(outside) - before == 150


def test_a_chain_survives_the_kill_of_the_agent_that_works_on_it(
    quick_model: System, outside: StandIns
) -> None:
    name = f"killed-{uuid4()}"
    outside.model_delay = 2.0
    try:
        quick_model.post(
            "test-planning",
            "generate-spec",
            {"feature_title": "Killed", "description": "Anything."},
            {"X-Correlation-ID": name, "Prefer": "respond-async"},
        )
        eventually(lambda: ("implementation", "generate-code", "running") in chain(quick_model, name), 120)
        quick_model.kill("implementation")
        eventually(lambda: outside.posts_of(name), 120)
    finally:
        outside.model_delay = 0.0
    assert first_chain(quick_model, name) == [(*link, "completed") for link in LINKS]
    ((headers, body),) = outside.posts_of(name)
    assert headers["Idempotency-Key"] == body["execution_id"]


def test_a_request_whose_agent_is_killed_at_once_is_still_carried_out(
    quick_model: System, outside: StandIns
) -> None:
    name = f"asked-{uuid4()}"
    outside.model_delay = 1.0
    try:
        status, accepted = quick_model.post(
            "test-planning",
            "generate-spec",
            {"feature_title": "Killed", "description": "Anything."},
            {"X-Correlation-ID": name, "Prefer": "respond-async"},
        )
        assert status == 202
        quick_model.kill("test-planning")
        eventually(lambda: outside.posts_of(name), 120)
    finally:
        outside.model_delay = 0.0
    assert accepted["status"] == "accepted"
    assert len(outside.posts_of(name)) == 1


def test_an_escalated_ticket_reaches_people_and_the_board(quick_model: System, outside: StandIns) -> None:
    name = f"ticket-{uuid4()}"
    ticket = {
        "title": "Nothing works",
        "description": "Nobody can log in.",
        "reporter": "maria",
        "impact": "company",
    }
    status, result = quick_model.post("service-desk", "open-ticket", ticket, {"X-Correlation-ID": name})
    assert status == 200, result
    eventually(lambda: outside.posts_of(name), 120)
    wanted = {("service-desk", "triage"), ("devops", "create-issue"), ("notification", "send")}

    def done() -> set[tuple[str, ...]]:
        return {tuple(link[:2]) for link in chain(quick_model, name) if link[2] == "completed"}

    eventually(lambda: wanted <= done(), 120)


def test_the_model_gone_is_told_and_the_request_runs_when_it_is_back(
    quick_model: System, outside: StandIns
) -> None:
    name = f"gone-{uuid4()}"
    models = outside.model.models
    outside.model.models = []
    try:
        status, answer = quick_model.post(
            "test-planning",
            "generate-spec",
            {"feature_title": "Later", "description": "Anything."},
            {"X-Correlation-ID": name},
        )
        assert status == 503
        assert answer["error"]["code"] == "model_misconfigured"
        assert answer["error"]["details"]["kept"]
    finally:
        outside.model.models = models
    eventually(lambda: outside.posts_of(name), 120)
    assert len(outside.posts_of(name)) == 1
