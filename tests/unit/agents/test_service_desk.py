from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from agents.service_desk import AGENT, rules
from agents.service_desk.agent import answered, escalated, opened, triaged
from agents.service_desk.models import Answered, Escalated, Triaged
from domain.entities.ticket import Impact, SupportTicket, Urgency
from domain.event import Event
from infrastructure.testing import Model
from infrastructure.testing.platform import MemoryPlatform

REPORT = {
    "title": "VPN drops",
    "description": "Every five minutes.",
    "reporter": "maria@example.com",
    "impact": "team",
}
SURE = {"category": "network", "urgency": "medium", "reason": "It says VPN.", "confidence": 90}
ANSWER = {"explanation": "The new client.", "steps": ["Restart it.", "Go back to 5.1."], "confidence": 80}


async def ticket_after(platform: MemoryPlatform, ticket_id: str) -> SupportTicket:
    entities = platform.services["service-desk"].runner.work.entities
    ticket = await entities.read(SupportTicket, ticket_id)
    assert ticket is not None
    return ticket


async def test_a_ticket_is_triaged_and_answered_by_itself() -> None:
    model = Model(triage=SURE, suggest_solution=ANSWER)
    async with MemoryPlatform([AGENT], model=model) as platform:
        execution = await platform.execute("service-desk", "open-ticket", REPORT)
        await platform.quiet()
        events = platform.events
        ticket = await ticket_after(platform, execution.output["id"])
    assert [event.type.removeprefix("agents.servicedesk.") for event in events] == [
        "ticket.created",
        "ticket.triaged",
        "solution.suggested",
    ]
    assert {event.subject for event in events} == {f"tickets/{ticket.id}"}
    assert {event.correlationid for event in events} == {execution.id}
    assert execution.model is None
    assert ticket == SupportTicket(
        id=execution.output["id"],
        title="VPN drops",
        description="Every five minutes.",
        reporter="maria@example.com",
        impact="team",
        status="answered",
        category="network",
        urgency="medium",
        priority="medium",
        confidence=80,
        solution=("Restart it.", "Go back to 5.1."),
    )


async def test_the_same_request_opens_the_same_ticket() -> None:
    async with MemoryPlatform([AGENT], model=Model(triage=SURE, suggest_solution=ANSWER)) as platform:
        first = await platform.execute("service-desk", "open-ticket", REPORT, key="k")
        again = await platform.execute("service-desk", "open-ticket", REPORT, key="k")
        other = await platform.execute("service-desk", "open-ticket", REPORT, key="l")
        await platform.quiet()
    assert first.output["id"] == again.output["id"] != other.output["id"]


@pytest.mark.parametrize(
    ("impact", "triage", "reasons"),
    [
        ("company", {"urgency": "high"}, ["the priority is critical"]),
        ("person", {"confidence": 49}, ["the triage is uncertain (49 %)"]),
        (
            "company",
            {"urgency": "high", "confidence": 0},
            ["the priority is critical", "the triage is uncertain (0 %)"],
        ),
    ],
)
async def test_a_triage_that_people_must_see_escalates_once(
    impact: str, triage: dict[str, Any], reasons: list[str]
) -> None:
    unsure = ANSWER | {"confidence": 1}
    model = Model(triage=SURE | triage, suggest_solution=unsure)
    async with MemoryPlatform([AGENT], model=model) as platform:
        execution = await platform.execute("service-desk", "open-ticket", REPORT | {"impact": impact})
        await platform.quiet()
        escalations = [event for event in platform.events if event.type.endswith("ticket.escalated")]
        ticket = await ticket_after(platform, execution.output["id"])
    assert [event.data["reasons"] for event in escalations] == [reasons]
    assert ticket.status == "escalated"
    assert list(ticket.escalated_because) == reasons
    assert ticket.solution == ("Restart it.", "Go back to 5.1.")


async def test_an_uncertain_solution_escalates_a_ticket_that_was_not() -> None:
    model = Model(triage=SURE, suggest_solution=ANSWER | {"confidence": 49})
    async with MemoryPlatform([AGENT], model=model) as platform:
        execution = await platform.execute("service-desk", "open-ticket", REPORT)
        await platform.quiet()
        escalation = platform.events[-1]
        ticket = await ticket_after(platform, execution.output["id"])
    assert escalation.type == "agents.servicedesk.ticket.escalated"
    assert escalation.data["reasons"] == ["the suggested solution is uncertain (49 %)"]
    assert escalation.data["category"] == "network"
    assert ticket.status == "escalated"


async def test_a_ticket_of_a_foreign_system_is_triaged_too() -> None:
    data = {
        "ticket_id": "JIRA-7",
        "title": "Zugang gesperrt",
        "description": "Seit heute.",
        "reporter": "Max",
    }
    model = Model(triage=SURE, suggest_solution=ANSWER)
    async with MemoryPlatform([AGENT], model=model) as platform:
        kind = "agents.servicedesk.ticket.created"
        platform.publish(Event(id="1", source="https://jira.example.com", type=kind, data=data))
        await platform.quiet()
        ticket = await ticket_after(platform, "JIRA-7")
    assert ticket.priority == "low"
    assert ticket.status == "answered"


async def test_the_model_is_told_of_the_impact_but_does_not_set_the_priority() -> None:
    model = Model(triage=SURE | {"urgency": "low"})
    async with MemoryPlatform([AGENT], model=model) as platform:
        asked = {"ticket_id": "T", "title": "x", "description": "Priority: critical!", "impact": "company"}
        execution = await platform.execute("service-desk", "triage", asked)
    assert "Hit by it: company" in "".join(message.content for message in model.requests[0].messages)
    assert execution.output["priority"] == "medium"


def test_the_priority_grows_with_impact_and_urgency() -> None:
    order = ["low", "medium", "high", "critical"]
    impacts, urgencies = get_args(Impact), get_args(Urgency)
    assert set(rules.PRIORITIES) == set(product(impacts, urgencies))
    for by_impact in impacts:
        ranks = [order.index(rules.priority(by_impact, urgency)) for urgency in urgencies]
        assert ranks == sorted(ranks)
    for urgency in urgencies:
        ranks = [order.index(rules.priority(by_impact, urgency)) for by_impact in impacts]
        assert ranks == sorted(ranks)


@pytest.mark.parametrize(("confidence", "escalates"), [(0, True), (49, True), (50, False), (100, False)])
def test_half_sure_is_sure_enough(confidence: int, escalates: bool) -> None:
    assert bool(rules.escalate_triage("high", confidence)) is escalates
    assert bool(rules.escalate_solution(confidence, escalated=False)) is escalates
    assert rules.escalate_solution(confidence, escalated=True) == ()


def test_a_ticket_holds_the_latest_word_only() -> None:
    ticket = opened.apply(SupportTicket(), SupportTicket(id="T", title="x"))
    for confidence in range(3):
        triage = Triaged(category="data", urgency="high", priority="high", confidence=confidence)
        ticket = triaged.apply(ticket, triage)
    ticket = escalated.apply(ticket, Escalated(reasons=("r",)))
    ticket = answered.apply(ticket, Answered(steps=("s",), confidence=7))
    assert (ticket.id, ticket.title, ticket.category) == ("T", "x", "data")
    assert (ticket.status, ticket.confidence, ticket.solution) == ("escalated", 7, ("s",))
