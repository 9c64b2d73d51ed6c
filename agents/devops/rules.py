"""What needs no model: the figures of a sprint, and what the board knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from agents.devops.models import AnalyzeSprint, SprintBrief, SprintItem
from domain.entities.board import MAX_PROJECTS, Board, Issue, Project
from domain.errors import Rejected
from domain.events.devops import Health, SprintFigures

LISTED = 10
BEHIND = 10
"""Percentage points that completion may lag behind time and still be on track; three times as much is off track."""


def figures(sprint: AnalyzeSprint) -> SprintFigures:
    items = sprint.items
    in_points = any(item.points for item in items)

    def size(of: Iterable[SprintItem]) -> int:
        return sum(item.points if in_points else 1 for item in of)

    done = [item for item in items if item.status == "done"]
    committed = [item for item in items if item.added is None or item.added <= sprint.start]
    added = size(items) - size(committed)
    completion = _percent(size(item for item in committed if item.status == "done"), size(committed))
    elapsed = _elapsed(sprint)
    blocked = sum(item.status == "blocked" for item in items)
    return SprintFigures(
        unit="points" if in_points else "items",
        committed=size(committed),
        added=added,
        velocity=size(done),
        carried_in=size(item for item in items if item.carried_in),
        carried_over=size(items) - size(done),
        completion_rate=completion,
        scope_change=_percent(added, size(committed)),
        items_done=len(done),
        items_open=len(items) - len(done),
        work_in_progress=sum(item.status in {"in_progress", "blocked"} for item in items),
        blocked=blocked,
        cycle_time_days=_cycle_time(done),
        time_elapsed=elapsed,
        health=health(completion, elapsed, blocked),
    )


def health(completion: float | None, elapsed: float, blocked: int) -> Health:
    """Completion against time. Anything blocked is a risk; without a commitment there is nothing to be behind of."""
    behind = 0.0 if completion is None else elapsed - completion
    if behind > 3 * BEHIND:
        return "off_track"
    return "at_risk" if behind > BEHIND or blocked else "on_track"


def brief(sprint: AnalyzeSprint, computed: SprintFigures) -> SprintBrief:
    return SprintBrief(
        name=sprint.name,
        goal=sprint.goal,
        figures=computed,
        blocked=_titles(item for item in sprint.items if item.status == "blocked"),
        unfinished=_titles(item for item in sprint.items if item.status in {"todo", "in_progress"}),
    )


def known_project(board: Board, name: str) -> Project:
    project = board.project(name)
    if project is None:
        raise Rejected(_unknown("project", name, (known.name for known in board.projects)))
    return project


def project_to_update(board: Board, name: str, *, create: bool) -> Project:
    """The board's project, or a new one where that is wanted and there is room."""
    if not create or board.project(name):
        return known_project(board, name)
    if len(board.projects) >= MAX_PROJECTS:
        raise Rejected(f"the board holds {MAX_PROJECTS} projects already: use one of them")
    return Project(name=name)


def require_issues(board: Board, project: str, ids: Iterable[str]) -> None:
    issues: Sequence[Issue] = [issue for issue in board.issues if issue.project == project]
    for issue_id in ids:
        if all(issue.id != issue_id for issue in issues):
            latest = (issue.id for issue in reversed(issues))
            raise Rejected(_unknown(f"issue of {project}", issue_id, latest))


def require_workflow(board: Board, name: str) -> None:
    if name not in board.workflows:
        raise Rejected(_unknown("workflow", name, board.workflows))


def _unknown(kind: str, name: str, existing: Iterable[str]) -> str:
    there = list(existing)
    more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
    return f"there is no {kind} {name!r}; there are: {', '.join(there[:LISTED]) or 'none'}{more}"


def _percent(part: int, whole: int) -> float | None:
    return round(part * 100 / whole, 1) if whole else None


def _elapsed(sprint: AnalyzeSprint) -> float:
    days = (sprint.end - sprint.start).days + 1
    passed = ((sprint.as_of or sprint.end) - sprint.start).days + 1
    return round(min(max(passed, 0), days) * 100 / days, 1)


def _cycle_time(done: Sequence[SprintItem]) -> float | None:
    days = [(item.finished - item.started).days + 1 for item in done if item.started and item.finished]
    return float(median(days)) if days else None


def _titles(items: Iterable[SprintItem]) -> tuple[str, ...]:
    return tuple(item.title for item in items)[:LISTED]
