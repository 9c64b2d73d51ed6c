"""What needs no model: the priority of a ticket, and when people have to look at it."""

from __future__ import annotations

from domain.entities.ticket import Impact, Urgency
from domain.entities.values import Priority

CERTAIN_ENOUGH = 50
"""Percent: below it a person checks what the model said."""

# ITIL's matrix: how many are hit, and how long it can wait.
PRIORITIES: dict[tuple[Impact, Urgency], Priority] = {
    ("person", "low"): "low",
    ("person", "medium"): "low",
    ("person", "high"): "medium",
    ("team", "low"): "low",
    ("team", "medium"): "medium",
    ("team", "high"): "high",
    ("company", "low"): "medium",
    ("company", "medium"): "high",
    ("company", "high"): "critical",
}


def priority(impact: Impact, urgency: Urgency) -> Priority:
    return PRIORITIES[impact, urgency]


def escalate_triage(priority: Priority, confidence: int) -> tuple[str, ...]:
    """Why people have to look at a triaged ticket; nothing when they need not."""
    reasons = ["the priority is critical"] if priority == "critical" else []
    return (*reasons, *_uncertain("the triage", confidence))


def escalate_solution(confidence: int, *, escalated: bool) -> tuple[str, ...]:
    """Why people have to look at a suggested solution. A ticket that was escalated is not escalated twice."""
    return () if escalated else _uncertain("the suggested solution", confidence)


def _uncertain(what: str, confidence: int) -> tuple[str, ...]:
    return (f"{what} is uncertain ({confidence} %)",) if confidence < CERTAIN_ENOUGH else ()
