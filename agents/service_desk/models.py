"""What the tasks take, what the prompts answer, and what changes a ticket. An answer's bounds are its prompt's."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from domain.entities.ticket import Category, Impact, Urgency
from domain.entities.values import Closed, Priority, Reference, Sentence, Text, Title, Value
from domain.events.servicedesk import Percent, TicketCreated, TicketTriaged


class OpenTicket(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "VPN drops every few minutes",
                    "description": "Since this morning the VPN disconnects about every five minutes. "
                    "Wi-Fi itself stays up. Windows 11, client 5.2.",
                    "reporter": "maria.lopez@example.com",
                    "impact": "team",
                }
            ]
        }
    )

    title: Title
    description: Text
    reporter: Title = Field(description="Name or address of who reports it.")
    impact: Impact = Field("person", description="Who cannot work: one person, a team, the whole company.")


class Triage(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket_id": "TICKET-5F0C2B7A91D3",
                    "title": "VPN drops every few minutes",
                    "description": "Since this morning the VPN disconnects about every five minutes.",
                    "impact": "team",
                }
            ]
        }
    )

    ticket_id: Reference
    title: Title
    description: Text
    impact: Impact = "person"


def from_created(ticket: TicketCreated) -> Triage:
    return Triage(**ticket.model_dump(include=set(Triage.model_fields)))


class TriageAnswer(Closed):
    category: Category
    urgency: Urgency
    reason: str = Field(min_length=1, max_length=160)
    confidence: int = Field(ge=0, le=100)


class SuggestSolution(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ticket_id": "TICKET-5F0C2B7A91D3",
                    "title": "VPN drops every few minutes",
                    "description": "Since this morning the VPN disconnects about every five minutes.",
                    "category": "network",
                    "priority": "medium",
                }
            ]
        }
    )

    ticket_id: Reference
    title: Title
    description: Text
    category: Category = "other"
    priority: Priority = "medium"
    escalated: bool = Field(
        default=False, description="People look at it already: it is not escalated again."
    )


def from_triaged(ticket: TicketTriaged) -> SuggestSolution:
    return SuggestSolution(**ticket.model_dump(include=set(SuggestSolution.model_fields)))


class SolutionAnswer(Closed):
    explanation: str = Field(min_length=1, max_length=240)
    steps: list[Annotated[str, Field(min_length=1, max_length=140)]] = Field(min_length=1, max_length=4)
    confidence: int = Field(ge=0, le=100)


class Triaged(Value):
    category: Category
    urgency: Urgency
    priority: Priority
    confidence: Percent


class Answered(Value):
    steps: tuple[Sentence, ...]
    confidence: Percent


class Escalated(Value):
    reasons: tuple[Sentence, ...]
