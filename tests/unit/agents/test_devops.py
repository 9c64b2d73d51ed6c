from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import DrawFn, booleans, composite, dates, integers, lists, none, sampled_from

from agents.devops import AGENT, rules
from agents.devops.agent import change_project
from agents.devops.models import AnalyzeSprint, ProjectChange, from_ticket
from domain.entities.board import MAX_ISSUES, MAX_PROJECTS, MAX_RUNS, Board, Issue, Project, WorkflowRun
from domain.errors import Rejected
from domain.event import Event
from domain.events.devops import SprintFigures
from domain.events.servicedesk import TicketEscalated
from domain.json import dump
from infrastructure.testing import Model
from infrastructure.testing.platform import MemoryPlatform

START, END = date(2026, 3, 2), date(2026, 3, 13)
READING = {"summary": "Behind.", "observations": ["One is blocked."], "actions": ["Unblock it."]}
TICKET = {
    "ticket_id": "TICKET-1",
    "title": "VPN down",
    "description": "Nobody can work.",
    "category": "network",
    "priority": "critical",
    "reasons": ["the priority is critical"],
}
ISSUE = {"title": "Gateway drops sessions", "body": "Since Monday.", "labels": ["vpn"]}


def item(name: str, status: str, points: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"Item {name}", "status": status, "points": points, **more}


def sprint(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "Sprint 14", "start": "2026-03-02", "end": "2026-03-13", "items": list(items), **more}


def figures(*items: dict[str, Any], **more: Any) -> SprintFigures:
    return rules.figures(AnalyzeSprint.model_validate(sprint(*items, **more)))


async def board_of(platform: MemoryPlatform) -> Board:
    return await platform.services["devops"].runner.work.entities.read(Board, "main") or Board()


async def test_a_sprints_figures_are_computed_and_the_model_explains_them() -> None:
    asked = sprint(
        item("A", "done", 5, started="2026-03-02", finished="2026-03-05"),
        item("B", "blocked", 3, carried_in=True),
        item("C", "todo", 2, added="2026-03-09"),
        goal="Kunden setzen ihr Passwort selbst zurück.",
    )
    model = Model(analyze_sprint=READING)
    async with MemoryPlatform([AGENT], model=model) as platform:
        await platform.execute("devops", "analyze-sprint", asked)
        event = platform.events[0]
    assert event.type == "agents.devops.sprint.analyzed"
    assert event.data["summary"] == "Behind."
    assert event.data["figures"] == {
        "unit": "points",
        "committed": 8,
        "added": 2,
        "velocity": 5,
        "carried_in": 3,
        "carried_over": 5,
        "completion_rate": 62.5,
        "scope_change": 25.0,
        "items_done": 1,
        "items_open": 2,
        "work_in_progress": 1,
        "blocked": 1,
        "cycle_time_days": 4.0,
        "time_elapsed": 100.0,
        "health": "off_track",
    }
    assert '"completion_rate": 62.5' in model.told
    assert "Blocked:\n- Item B" in model.told
    assert "Not done:\n- Item C" in model.told
    assert "Goal: Kunden setzen" in model.told


def test_without_points_items_are_counted() -> None:
    computed = figures(item("A", "done"), item("B", "todo"), item("C", "done", added="2026-03-03"))
    assert (computed.unit, computed.committed, computed.added, computed.velocity) == ("items", 2, 1, 2)
    assert computed.completion_rate == 50.0


def test_an_item_added_on_the_first_day_was_committed() -> None:
    assert figures(item("A", "todo", 1, added="2026-03-02")).added == 0


def test_without_a_commitment_there_is_no_rate() -> None:
    computed = figures(item("A", "done", 1, added="2026-03-05"))
    assert (computed.completion_rate, computed.scope_change, computed.health) == (None, None, "on_track")


def test_without_dates_there_is_no_cycle_time() -> None:
    assert figures(item("A", "done", started="2026-03-02")).cycle_time_days is None


def test_the_cycle_time_is_the_median_with_both_days_counted() -> None:
    days = [("2026-03-02", "2026-03-02"), ("2026-03-02", "2026-03-05"), ("2026-03-03", "2026-03-12")]
    items = [
        item(str(n), "done", started=started, finished=finished) for n, (started, finished) in enumerate(days)
    ]
    assert figures(*items).cycle_time_days == 4.0


@pytest.mark.parametrize(
    ("as_of", "elapsed"),
    [("2026-03-01", 0.0), ("2026-03-02", 8.3), ("2026-03-07", 50.0), ("2026-03-13", 100.0), ("2026-04-01", 100.0)],
)  # fmt: skip
def test_elapsed_time_is_a_share_of_the_days(as_of: str, elapsed: float) -> None:
    assert figures(item("A", "todo"), as_of=as_of).time_elapsed == elapsed


@pytest.mark.parametrize(
    ("completion", "elapsed", "blocked", "health"),
    [
        (50.0, 50.0, 0, "on_track"),
        (40.0, 50.0, 0, "on_track"),
        (39.9, 50.0, 0, "at_risk"),
        (20.0, 50.0, 0, "at_risk"),
        (19.9, 50.0, 0, "off_track"),
        (100.0, 50.0, 1, "at_risk"),
        (None, 100.0, 0, "on_track"),
    ],
)
def test_health_compares_completion_with_time(
    completion: float | None, elapsed: float, blocked: int, health: str
) -> None:
    assert rules.health(completion, elapsed, blocked) == health


@composite
def sprints(draw: DrawFn) -> AnalyzeSprint:
    days = dates(START - timedelta(30), END + timedelta(30))
    items = []
    for number in range(draw(integers(1, 12))):
        started, finished = sorted([draw(days), draw(days)])
        items.append(
            item(
                str(number),
                draw(sampled_from(["todo", "in_progress", "blocked", "done"])),
                draw(integers(0, 100)),
                added=draw(none() | days),
                started=draw(sampled_from([None, started])),
                finished=draw(sampled_from([None, finished])),
                carried_in=draw(booleans()),
            )
        )
    return AnalyzeSprint.model_validate(sprint(*items, as_of=draw(none() | days)))


@given(sprints())
def test_the_figures_of_any_sprint_agree_with_each_other(any_sprint: AnalyzeSprint) -> None:
    computed = rules.figures(any_sprint)
    assert computed.committed + computed.added == computed.velocity + computed.carried_over
    assert computed.items_done + computed.items_open == len(any_sprint.items)
    assert computed.blocked <= computed.work_in_progress <= computed.items_open
    assert computed.completion_rate is None or 0 <= computed.completion_rate <= 100
    assert 0 <= computed.time_elapsed <= 100
    assert computed.cycle_time_days is None or computed.cycle_time_days >= 1


@pytest.mark.parametrize(
    "wrong",
    [
        sprint(item("A", "todo"), item("A", "done")),
        sprint(item("A", "done", started="2026-03-05", finished="2026-03-04")),
        sprint(item("A", "todo"), end="2026-03-01"),
        sprint(),
        sprint(item("A", "todo", 101)),
        sprint(item("A", "todo", -1)),
    ],
)
def test_a_sprint_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        AnalyzeSprint.model_validate(wrong)


async def test_an_issue_goes_onto_the_board() -> None:
    async with MemoryPlatform([AGENT]) as platform:
        execution = await platform.execute("devops", "create-issue", ISSUE)
        board = await board_of(platform)
        (event,) = platform.events
    assert event.type == "agents.devops.issue.created"
    assert event.subject == f"issues/{execution.output['issue_id']}"
    assert board.issues == (
        Issue(
            id=execution.output["issue_id"],
            title="Gateway drops sessions",
            body="Since Monday.",
            project="platform",
            labels=("vpn",),
        ),
    )


async def test_an_escalated_ticket_becomes_an_issue_of_support() -> None:
    async with MemoryPlatform([AGENT]) as platform:
        kind = "agents.servicedesk.ticket.escalated"
        platform.publish(Event(id="1", source="/agents/service-desk", type=kind, data=TICKET))
        platform.publish(Event(id="1", source="/agents/service-desk", type=kind, data=TICKET))
        await platform.quiet()
        (issue,) = (await board_of(platform)).issues
    assert (issue.project, issue.priority, issue.source) == ("support", "critical", "TICKET-1")
    assert issue.labels == ("escalated", "network")
    assert issue.body == "Escalated because:\n- the priority is critical\n\nNobody can work."


async def test_the_board_keeps_the_beginning_of_a_long_body_and_the_event_all_of_it() -> None:
    async with MemoryPlatform([AGENT]) as platform:
        await platform.execute("devops", "create-issue", ISSUE | {"body": "x" * 8000})
        (issue,) = (await board_of(platform)).issues
        assert platform.events[0].data["body"] == "x" * 8000
    assert issue.body == "x" * 999 + "…"


def test_a_long_ticket_fits_into_an_issue() -> None:
    ticket = {"title": "x" * 200, "description": "y" * 8000, "reasons": ["z" * 500] * 5}
    issue = from_ticket(TicketEscalated.model_validate(TICKET | ticket))
    assert (len(issue.title), len(issue.body)) == (200, 8000)


async def test_a_project_is_updated_and_its_issues_are_moved() -> None:
    async with MemoryPlatform([AGENT]) as platform:
        issue = (await platform.execute("devops", "create-issue", ISSUE)).output["issue_id"]
        move = {"issue_id": issue, "status": "done"}
        asked = {"project": "platform", "note": "Update on Thursday.", "move": [move]}
        await platform.execute("devops", "update-project", asked)
        board = await board_of(platform)
        event = platform.events[-1]
    assert event.type == "agents.devops.project.updated"
    assert event.data == {
        "project": "platform",
        "status": "active",
        "note": "Update on Thursday.",
        "moved": [move],
    }
    assert board.project("platform") == Project(name="platform", note="Update on Thursday.")
    assert [one.status for one in board.issues] == ["done"]


def test_updates_of_different_fields_do_not_undo_each_other() -> None:
    note = change_project.to("main", ProjectChange(project="platform", note="x")).arguments
    status = change_project.to("main", ProjectChange(project="platform", status="paused")).arguments
    board = Board()
    for arguments in (note, status):
        board = change_project.apply(board, ProjectChange.model_validate(arguments))
    assert board.project("platform") == Project(name="platform", status="paused", note="x")


async def test_a_new_project_is_added_when_that_is_wanted() -> None:
    async with MemoryPlatform([AGENT]) as platform:
        await platform.execute("devops", "update-project", {"project": "shop", "create": True})
        await platform.execute("devops", "create-issue", ISSUE | {"project": "shop"})
        board = await board_of(platform)
    assert [project.name for project in board.projects] == ["platform", "support", "shop"]
    assert board.issues[0].project == "shop"


async def test_a_workflow_is_triggered() -> None:
    asked = {"workflow": "deploy", "ref": "v1.4.2", "parameters": {"environment": "staging"}}
    async with MemoryPlatform([AGENT]) as platform:
        execution = await platform.execute("devops", "trigger-workflow", asked)
        board = await board_of(platform)
        (event,) = platform.events
    assert event.type == "agents.devops.workflow.triggered"
    assert event.data["parameters"] == {"environment": "staging"}
    run = execution.output["run_id"]
    assert board.runs == (WorkflowRun(id=run, workflow="deploy", project="platform", ref="v1.4.2"),)


@pytest.mark.parametrize(
    ("task", "asked", "message"),
    [
        (
            "create-issue",
            ISSUE | {"project": "shop"},
            "there is no project 'shop'; there are: platform, support",
        ),
        (
            "update-project",
            {"project": "shop", "note": "x"},
            "there is no project 'shop'; there are: platform, support",
        ),
        (
            "update-project",
            {"project": "support", "move": [{"issue_id": "ISSUE-9", "status": "done"}]},
            "there is no issue of support 'ISSUE-9'; there are: none",
        ),
        (
            "trigger-workflow",
            {"workflow": "destroy"},
            "there is no workflow 'destroy'; there are: build, test, deploy",
        ),
        (
            "trigger-workflow",
            {"workflow": "build", "project": "shop"},
            "there is no project 'shop'; there are: platform, support",
        ),
    ],
)
async def test_what_the_board_does_not_know_is_refused_with_what_it_knows(
    task: str, asked: dict[str, Any], message: str
) -> None:
    async with MemoryPlatform([AGENT]) as platform:
        execution = await platform.execute("devops", task, asked)
        assert platform.events == []
    assert execution.error is not None
    assert execution.error.code == "rejected"
    assert execution.error.message == message


def test_a_long_list_of_issues_is_named_in_part_the_latest_first() -> None:
    issues = tuple(Issue(id=f"I-{n}", title="t", project="support") for n in range(12))
    message = r"there are: I-11, I-10, I-9, I-8, I-7, I-6, I-5, I-4, I-3, I-2 and 2 more"
    with pytest.raises(Rejected, match=message):
        rules.require_issues(Board(issues=issues), "support", ["I-99"])


def test_a_full_board_takes_no_more_projects() -> None:
    board = Board()
    for number in range(MAX_PROJECTS + 5):
        board = board.with_project(Project(name=f"p-{number}"))
    assert len(board.projects) == MAX_PROJECTS
    with pytest.raises(Rejected, match=r"holds 20 projects already"):
        rules.project_to_update(board, "one-more", create=True)


def test_a_full_board_forgets_what_is_done_first_and_then_the_oldest() -> None:
    board = Board()
    for number in range(MAX_ISSUES):
        board = board.with_issue(Issue(id=str(number), title="t", project="support"))
    board = board.with_status("5", "done").with_issue(Issue(id="new", title="t", project="support"))
    assert [issue.id for issue in board.issues[:6]] == ["0", "1", "2", "3", "4", "6"]
    board = board.with_issue(Issue(id="newer", title="t", project="support"))
    assert [issue.id for issue in board.issues[:2]] == ["1", "2"]
    assert len(board.issues) == MAX_ISSUES


def test_the_last_runs_stay() -> None:
    board = Board()
    for number in range(MAX_RUNS + 1):
        board = board.with_run(WorkflowRun(id=str(number), workflow="build", project="platform"))
    assert (len(board.runs), board.runs[0].id, board.runs[-1].id) == (MAX_RUNS, "1", str(MAX_RUNS))


def test_the_fullest_board_stays_below_half_a_megabyte() -> None:
    wide = "字"
    board = Board()
    for number in range(MAX_ISSUES):
        labels = tuple(f"label-{n}-{'x' * 30}" for n in range(10))
        issue = Issue(
            id=f"{number:080}", title=wide * 200, body=wide * 1000, project="p" * 40, labels=labels,
            source="s" * 80,
        )  # fmt: skip
        board = board.with_issue(issue)
    for number in range(MAX_PROJECTS):
        board = board.with_project(Project(name=f"{number:040}", note=wide * 500))
    for number in range(MAX_RUNS):
        run = WorkflowRun(id=f"{number:080}", workflow="w" * 40, project="p" * 40, ref=wide * 200)
        board = board.with_run(run)
    assert len(dump(board.model_dump(mode="json"))) < 520_000


@given(lists(sampled_from(["a", "b", "c"]), max_size=20))
def test_an_issue_stands_on_the_board_once(ids: list[str]) -> None:
    board = Board()
    for name in ids:
        board = board.with_issue(Issue(id=name, title="t", project="support"))
    assert sorted(issue.id for issue in board.issues) == sorted(set(ids))
