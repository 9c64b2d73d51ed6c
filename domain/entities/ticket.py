from __future__ import annotations

from typing import Literal, TypeAlias

from domain.entities.values import Priority, Value

Impact: TypeAlias = Literal["person", "team", "company"]
Urgency: TypeAlias = Literal["low", "medium", "high"]
Category: TypeAlias = Literal["hardware", "software", "network", "access", "data", "question", "other"]
TicketStatus: TypeAlias = Literal["open", "triaged", "answered", "escalated"]


class SupportTicket(Value):
    """A ticket as the service desk sees it now. Each field holds the latest word only, so it does not grow."""

    id: str = ""
    title: str = ""
    description: str = ""
    reporter: str = ""
    impact: Impact = "person"
    status: TicketStatus = "open"
    category: Category | None = None
    urgency: Urgency | None = None
    priority: Priority | None = None
    confidence: int | None = None
    solution: tuple[str, ...] = ()
    escalated_because: tuple[str, ...] = ()
