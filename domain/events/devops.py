from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from domain.entities.board import IssueStatus, Name, Note, ProjectStatus
from domain.entities.values import Priority, Reference, Sentence, Text, Title, Value
from domain.event import EventData

Health: TypeAlias = Literal["on_track", "at_risk", "off_track"]
Parameter: TypeAlias = Annotated[str, StringConstraints(max_length=200)]


class SprintFigures(Value):
    """Computed from the items. Sizes are points, or items when no item has points; rates are percent.

    Committed is what was in the sprint when it began; added is what came later. The completion rate is the done share
    of the committed, `scope_change` the added relative to the committed; both are absent when nothing was committed.
    """

    unit: Literal["points", "items"]
    committed: int
    added: int
    velocity: int = Field(description="Size of everything done.")
    carried_in: int = Field(description="Size of what came over from the sprint before.")
    carried_over: int = Field(description="Size of what is not done.")
    completion_rate: float | None
    scope_change: float | None
    items_done: int
    items_open: int
    work_in_progress: int = Field(description="Items started and not done, blocked ones among them.")
    blocked: int
    cycle_time_days: float | None = Field(
        description="Median of the done items' days from start to finish, both counted."
    )
    time_elapsed: float = Field(description="Share of the sprint's days that have passed.")
    health: Health


class SprintAnalyzed(EventData, type="agents.devops.sprint.analyzed"):
    analysis_id: Reference
    sprint: Title
    figures: SprintFigures
    summary: Sentence
    observations: Annotated[tuple[Sentence, ...], Field(max_length=10)]
    actions: Annotated[tuple[Sentence, ...], Field(max_length=10)]

    @property
    def subject(self) -> str:
        return f"sprints/{self.analysis_id}"


class IssueCreated(EventData, type="agents.devops.issue.created"):
    """`body` is whole here; the board keeps its beginning."""

    issue_id: Reference
    title: Title
    body: Text
    project: Name
    priority: Priority
    labels: Annotated[tuple[Name, ...], Field(max_length=10)] = ()
    source: Reference | None = None

    @property
    def subject(self) -> str:
        return f"issues/{self.issue_id}"


class IssueMove(Value):
    issue_id: Reference
    status: IssueStatus


class ProjectUpdated(EventData, type="agents.devops.project.updated"):
    project: Name
    status: ProjectStatus
    note: Note
    moved: Annotated[tuple[IssueMove, ...], Field(max_length=20)] = ()

    @property
    def subject(self) -> str:
        return f"projects/{self.project}"


class WorkflowTriggered(EventData, type="agents.devops.workflow.triggered"):
    run_id: Reference
    workflow: Name
    project: Name
    ref: Title
    parameters: Annotated[dict[Name, Parameter], Field(max_length=10)] = Field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"workflows/{self.workflow}/{self.run_id}"
