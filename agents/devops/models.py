"""What the tasks take, and what the prompt answers. The answer's bounds are those of its prompt's schema."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from domain.entities.board import Name, Note, Project, ProjectStatus
from domain.entities.text import clip
from domain.entities.values import Closed, Priority, Reference, Text, Title, Value
from domain.events.devops import IssueMove, Parameter, SprintFigures
from domain.events.servicedesk import TicketEscalated

ItemStatus: TypeAlias = Literal["todo", "in_progress", "blocked", "done"]
Goal: TypeAlias = Annotated[str, StringConstraints(max_length=500)]


class SprintItem(Closed):
    id: Reference
    title: Title
    status: ItemStatus
    points: int = Field(0, ge=0, le=100)
    added: date | None = Field(None, description="When it came into the sprint; absent: at the start.")
    started: date | None = None
    finished: date | None = None
    carried_in: bool = Field(default=False, description="It was in the sprint before.")

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.started and self.finished and self.finished < self.started:
            raise ValueError(f"{self.id} is finished before it is started")
        return self


class AnalyzeSprint(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Sprint 14",
                    "goal": "Customers can reset their password themselves.",
                    "start": "2026-03-02",
                    "end": "2026-03-13",
                    "items": [
                        {"id": "SHOP-201", "title": "Reset link by e-mail", "status": "done", "points": 5,
                         "started": "2026-03-02", "finished": "2026-03-05"},
                        {"id": "SHOP-202", "title": "Limit requests per hour", "status": "blocked", "points": 3,
                         "started": "2026-03-06"},
                        {"id": "SHOP-209", "title": "Fix mail footer", "status": "todo", "points": 1,
                         "added": "2026-03-09"},
                    ],
                }
            ]
        }
    )  # fmt: skip

    name: Title
    goal: Goal = ""
    start: date
    end: date
    as_of: date | None = Field(None, description="The day to look at; absent: the last one.")
    items: Annotated[tuple[SprintItem, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _is_a_sprint(self) -> Self:
        if self.end < self.start:
            raise ValueError("the sprint ends before it starts")
        ids = Counter(item.id for item in self.items)
        if twice := [name for name, count in ids.items() if count > 1]:
            raise ValueError(f"items share an id: {', '.join(twice[:5])}")
        return self


class SprintBrief(Value):
    """What the prompt is told: the figures, and the titles of what hangs."""

    name: str
    goal: str
    figures: SprintFigures
    blocked: tuple[str, ...]
    unfinished: tuple[str, ...]


class SprintReading(Closed):
    summary: str = Field(min_length=1, max_length=240)
    observations: list[Annotated[str, Field(min_length=1, max_length=120)]] = Field(max_length=3)
    actions: list[Annotated[str, Field(min_length=1, max_length=120)]] = Field(max_length=3)


class CreateIssue(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "VPN gateway drops sessions",
                    "body": "Sessions end about every five minutes since the update of Monday.",
                    "project": "platform",
                    "priority": "high",
                    "labels": ["vpn"],
                }
            ]
        }
    )

    title: Title
    body: Text
    project: Name = "platform"
    priority: Priority = "medium"
    labels: Annotated[tuple[Name, ...], Field(max_length=10)] = ()
    source: Reference | None = Field(None, description="What it comes from, such as a ticket's id.")


def from_ticket(ticket: TicketEscalated) -> CreateIssue:
    why = "".join(f"- {reason}\n" for reason in ticket.reasons)
    return CreateIssue(
        title=clip(f"Escalated: {ticket.title}", 200),
        body=clip(f"Escalated because:\n{why}\n{ticket.description}", 8000),
        project="support",
        priority=ticket.priority,
        labels=("escalated", ticket.category),
        source=ticket.ticket_id,
    )


class UpdateProject(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "project": "platform",
                    "status": "active",
                    "note": "Gateway update planned for Thursday.",
                    "create": False,
                }
            ]
        }
    )

    project: Name
    status: ProjectStatus | None = None
    note: Note | None = None
    move: Annotated[tuple[IssueMove, ...], Field(max_length=20)] = Field((), description="Issues to move.")
    create: bool = Field(default=False, description="Add the project when the board has none of this name.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.status is None and self.note is None and not self.move and not self.create:
            raise ValueError("nothing to update: give a status, a note, issues to move, or create")
        return self


class ProjectChange(Value):
    """What changes of a project; the rest stays as it is when this is applied, which may be later than it was asked."""

    project: Name
    status: ProjectStatus | None = None
    note: Note | None = None

    def of(self, project: Project | None) -> Project:
        given = self.model_dump(include={"status", "note"}, exclude_none=True)
        return (project or Project(name=self.project)).model_copy(update=given)


class TriggerWorkflow(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflow": "deploy",
                    "project": "platform",
                    "ref": "v1.4.2",
                    "parameters": {"environment": "staging"},
                }
            ]
        }
    )

    workflow: Name
    project: Name = "platform"
    ref: Title = Field("main", description="Branch, tag or commit.")
    parameters: Annotated[dict[Name, Parameter], Field(max_length=10)] = Field(default_factory=dict)
