from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.entities.ticket import Category, Impact, Urgency
from domain.entities.values import Priority, Reference, Sentence, Text, Title
from domain.event import EventData

Percent = Annotated[int, Field(ge=0, le=100)]


class _AboutTicket(EventData):
    ticket_id: Reference
    title: Title
    description: Text

    @property
    def subject(self) -> str:
        return f"tickets/{self.ticket_id}"


class TicketCreated(_AboutTicket, type="agents.servicedesk.ticket.created"):
    reporter: Title
    impact: Impact = "person"


class TicketTriaged(_AboutTicket, type="agents.servicedesk.ticket.triaged"):
    """`priority` follows from impact and urgency; `confidence` is the model's, in percent."""

    category: Category
    urgency: Urgency
    priority: Priority
    confidence: Percent
    reason: Sentence
    escalated: bool = Field(description="Whether the triage escalated the ticket already.")


class SolutionSuggested(_AboutTicket, type="agents.servicedesk.solution.suggested"):
    explanation: Sentence
    steps: Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=10)]
    confidence: Percent


class TicketEscalated(_AboutTicket, type="agents.servicedesk.ticket.escalated"):
    """People have to look at it; `reasons` say why."""

    category: Category
    priority: Priority
    reasons: Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=5)]
