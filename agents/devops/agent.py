from __future__ import annotations

from agents.devops import rules
from agents.devops.models import (
    AnalyzeSprint,
    CreateIssue,
    ProjectChange,
    SprintBrief,
    SprintReading,
    TriggerWorkflow,
    UpdateProject,
    from_ticket,
)
from agents.runtime import Agent, Context, Outcome
from domain.entities.board import Board, Issue, WorkflowRun
from domain.entities.text import clip
from domain.entities.values import identifier
from domain.events.devops import IssueCreated, IssueMove, ProjectUpdated, SprintAnalyzed, WorkflowTriggered
from domain.events.servicedesk import TicketEscalated

AGENT = Agent(
    "devops", description="Keeps the board of issues, projects and workflow runs, and analyses sprints."
)
AGENT.publishes(SprintAnalyzed, IssueCreated, ProjectUpdated, WorkflowTriggered)

READ_SPRINT = AGENT.prompt("analyze-sprint", takes=SprintBrief, returns=SprintReading)
BOARD = "main"


@AGENT.change
def add_issue(board: Board, issue: Issue) -> Board:
    return board.with_issue(issue)


@AGENT.change
def change_project(board: Board, change: ProjectChange) -> Board:
    return board.with_project(change.of(board.project(change.project)))


@AGENT.change
def move_issue(board: Board, move: IssueMove) -> Board:
    return board.with_status(move.issue_id, move.status)


@AGENT.change
def add_run(board: Board, run: WorkflowRun) -> Board:
    return board.with_run(run)


@AGENT.task()
async def analyze_sprint(sprint: AnalyzeSprint, ctx: Context) -> Outcome:
    """Compute a sprint's figures from its items, and explain what they mean."""
    figures = rules.figures(sprint)
    reading = await ctx.ask(READ_SPRINT, rules.brief(sprint, figures))
    analysis = SprintAnalyzed(
        analysis_id=identifier("SPRINT", ctx.execution_id),
        sprint=sprint.name,
        figures=figures,
        summary=reading.summary,
        observations=tuple(reading.observations),
        actions=tuple(reading.actions),
    )
    return Outcome(output=analysis, events=[analysis])


@AGENT.on(TicketEscalated, from_ticket)
@AGENT.task(deadline=30)
async def create_issue(asked: CreateIssue, ctx: Context) -> Outcome:
    """Put an issue on the board."""
    rules.known_project(await _board(ctx), asked.project)
    created = IssueCreated(issue_id=identifier("ISSUE", ctx.execution_id), **asked.model_dump())
    issue = Issue(id=created.issue_id, **asked.model_dump() | {"body": clip(asked.body, 1000)})
    return Outcome(output=created, events=[created], changes=[add_issue.to(BOARD, issue)])


@AGENT.task(deadline=30)
async def update_project(asked: UpdateProject, ctx: Context) -> Outcome:
    """Set a project's status and note, and move its issues."""
    board = await _board(ctx)
    project = rules.project_to_update(board, asked.project, create=asked.create)
    rules.require_issues(board, asked.project, (move.issue_id for move in asked.move))
    change = ProjectChange(project=asked.project, status=asked.status, note=asked.note)
    project = change.of(project)
    updated = ProjectUpdated(project=project.name, status=project.status, note=project.note, moved=asked.move)
    changes = [change_project.to(BOARD, change), *(move_issue.to(BOARD, move) for move in asked.move)]
    return Outcome(output=updated, events=[updated], changes=changes)


@AGENT.task(deadline=30)
async def trigger_workflow(asked: TriggerWorkflow, ctx: Context) -> Outcome:
    """Ask for a run of a workflow; whoever runs workflows reacts to the event."""
    board = await _board(ctx)
    rules.require_workflow(board, asked.workflow)
    rules.known_project(board, asked.project)
    triggered = WorkflowTriggered(run_id=identifier("RUN", ctx.execution_id), **asked.model_dump())
    run = WorkflowRun(id=triggered.run_id, **asked.model_dump(include={"workflow", "project", "ref"}))
    return Outcome(output=triggered, events=[triggered], changes=[add_run.to(BOARD, run)])


async def _board(ctx: Context) -> Board:
    return await ctx.read(Board, BOARD) or Board()
