"""The built-in board: projects, their issues, and the runs of workflows that were asked for."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import StringConstraints

from domain.entities.values import Priority, Reference, Title, Value

IssueStatus: TypeAlias = Literal["open", "in_progress", "done"]
ProjectStatus: TypeAlias = Literal["active", "paused", "done"]
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Body: TypeAlias = Annotated[str, StringConstraints(max_length=1000)]
Note: TypeAlias = Annotated[str, StringConstraints(max_length=500)]

MAX_ISSUES = 100
MAX_PROJECTS = 20
MAX_RUNS = 50


class Issue(Value):
    """`source` is what it came from, such as a ticket's id."""

    id: Reference
    title: Title
    body: Body = ""
    project: Name
    priority: Priority = "medium"
    labels: tuple[Name, ...] = ()
    status: IssueStatus = "open"
    source: str | None = None


class Project(Value):
    name: Name
    status: ProjectStatus = "active"
    note: Note = ""


class WorkflowRun(Value):
    id: Reference
    workflow: Name
    project: Name
    ref: Title = "main"


class Board(Value):
    """What is going on now, not an archive: the events are. So it stays below about half a megabyte.

    Beyond `MAX_ISSUES` the oldest done issue goes first, then the oldest; of runs the last `MAX_RUNS` stay.
    """

    projects: tuple[Project, ...] = (Project(name="platform"), Project(name="support"))
    workflows: tuple[Name, ...] = ("build", "test", "deploy")
    issues: tuple[Issue, ...] = ()
    runs: tuple[WorkflowRun, ...] = ()

    def project(self, name: str) -> Project | None:
        return next((project for project in self.projects if project.name == name), None)

    def with_project(self, project: Project) -> Board:
        """The project takes the place of the one of its name, or is added while there is room."""
        if self.project(project.name) is None:
            return self._but(projects=(*self.projects, project)[:MAX_PROJECTS])
        return self._but(projects=tuple(project if p.name == project.name else p for p in self.projects))

    def with_issue(self, issue: Issue) -> Board:
        issues = [*(known for known in self.issues if known.id != issue.id), issue]
        while len(issues) > MAX_ISSUES:
            issues.remove(next((known for known in issues if known.status == "done"), issues[0]))
        return self._but(issues=tuple(issues))

    def with_status(self, issue_id: str, status: IssueStatus) -> Board:
        """Move an issue; one that is gone stays gone."""
        moved = (i.model_copy(update={"status": status}) if i.id == issue_id else i for i in self.issues)
        return self._but(issues=tuple(moved))

    def with_run(self, run: WorkflowRun) -> Board:
        return self._but(runs=(*self.runs, run)[-MAX_RUNS:])

    def _but(self, **changed: object) -> Board:
        return self.model_copy(update=changed)
