"""The story of an execution, told from its record."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from cli.chain import Chain, unsettled
from cli.commands import executions
from cli.story import attempts_of, story_of

AT = "2026-11-21T12:00:0{}+00:00"


def attempt(number: int, ended: str | None, **differing: Any) -> dict[str, Any]:
    return {
        "owner": f"host-{number}",
        "version": "0.1.0",
        "started_at": AT.format(number),
        "ended": ended,
        "ended_at": None if ended is None else AT.format(number + 1),
        **differing,
    }


def told(**record: Any) -> list[str]:
    return [happened.what for happened in story_of(record)]


def test_each_way_to_end_an_attempt_has_its_words_and_its_successor() -> None:
    history = [
        attempt(1, "lost"),
        attempt(2, "handed_back"),
        attempt(3, "model_unavailable"),
        attempt(4, "completed", version=None),
    ]
    assert told(attempts=2, history=history) == [
        "attempt 1: host-1 (0.1.0) begins",
        "its owner was lost",
        "attempt 2: host-2 (0.1.0) takes it over",
        "handed back: its owner was shut down",
        "attempt 3: host-3 (0.1.0) takes it up again",
        "failed: model_unavailable",
        "attempt 4: host-4 tries again",
        "completed",
    ]


def test_attempts_are_counted_as_the_story_tells_them() -> None:
    assert attempts_of({"attempts": 1, "history": [attempt(1, "completed")]}) == "1"
    taken_over = [attempt(1, "lost"), attempt(2, "lost"), attempt(3, "completed")]
    assert attempts_of({"attempts": 1, "history": taken_over}) == "3: 2 lost, 1 completed"
    handed_back = [attempt(1, "handed_back"), attempt(2, None)]
    assert attempts_of({"attempts": 1, "history": handed_back}) == "2: 1 handed back, 1 at work"
    failed = [attempt(1, "model_unavailable"), attempt(2, "failed")]
    assert attempts_of({"attempts": 2, "history": failed}) == "2: 2 failed"
    waits = {"attempts": 2, "history": [failed[0], attempt(2, None)], "waits_for": "model_unavailable: away"}
    assert attempts_of(waits) == "2: 1 failed, 1 waiting"
    assert attempts_of({"attempts": 3}) == "3"


def test_unfinished_work_is_at_work_or_waits() -> None:
    at_work = told(attempts=1, history=[attempt(1, None)], waits_for=None)[-1]
    assert at_work.startswith("at work for ")
    waiting = told(attempts=1, history=[attempt(1, None)], waits_for="model_unavailable: the model is away")
    assert waiting[-1] == "waits for model_unavailable: the model is away"


def test_the_publication_is_told_with_what_no_broker_takes() -> None:
    events = [{"id": "1", "type": "a.made"}, {"id": "2", "type": "b.made"}, {"id": "3", "type": "c.made"}]
    assert told(events=events, published_at=AT.format(5), undeliverable=["2"]) == [
        "published 2 events",
        "no broker takes event b.made  2",
    ]
    assert told(events=events[:1], published_at=None, undeliverable=[]) == ["1 event not published yet"]
    assert told(events=[], published_at=None) == []


def test_agents_of_the_version_before_tell_less() -> None:
    before = {"owner": "host-1", "started_at": AT.format(1), "ended": "handed_back"}
    assert told(attempts=[before]) == [
        "attempt 1: host-1 begins",
        "handed back: its owner was shut down",
    ]
    assert told(attempts=1, events=[{"id": "1", "type": "a.made"}]) == []


def told_whole(record: dict[str, Any]) -> str:
    out = Console(width=200)
    with out.capture() as shown:
        executions._tell(out, record)
    return shown.get()


def test_changes_that_raised_are_shown_by_their_entities() -> None:
    record = {
        "agent": "reader",
        "task": "read-plan",
        "execution_id": "root",
        "status": "completed",
        "correlation_id": "c",
        "trigger_source": "/callers/http",
        "trigger_key": "k",
        "attempts": 1,
        "unapplied": [],
    }
    assert "not applied" not in told_whole(record)
    assert "\nnot applied, since the change raised\n  - plan:7\n" in told_whole(
        {**record, "unapplied": ["plan:7"]}
    )


class OneAgent:
    """Knows one execution, of whose events every one starts a task."""

    name = "reader"

    def __init__(self, **record: Any) -> None:
        self.asked = 0
        self.reacts_to = ["plan.read"]
        self._record = {
            "agent": "reader",
            "task": "read-plan",
            "execution_id": "root",
            "status": "completed",
            "events": [{"id": "e", "type": "plan.read", "source": "/agents/reader", "time": AT.format(1)}],
            **record,
        }

    def tasks(self) -> list[dict[str, Any]]:
        return [{"name": "again", "reacts_to": self.reacts_to}]

    def execution(self, wanted: str) -> dict[str, Any] | None:
        self.asked += wanted == "root"
        return self._record if wanted == "root" else None


def test_nothing_is_awaited_of_an_event_that_no_broker_takes() -> None:
    agent = OneAgent(published_at=AT.format(2), undeliverable=["e"])
    (root,) = Chain({"reader": agent}).read("root")  # type: ignore[dict-item]  # as much of a client as is used
    event, reactions = root.emitted[0]
    assert (root.publication_of(event), reactions) == ("no broker takes it", [])


def test_a_task_whose_agent_does_not_subscribe_the_event_is_not_waited_for() -> None:
    agent = OneAgent(published_at=AT.format(2), undeliverable=[])
    chain = Chain({"reader": agent})  # type: ignore[dict-item]  # as much of a client as is used
    assert [link.status for _, links in chain.read("root")[0].emitted for link in links] == ["missing"]
    agent.reacts_to = []
    chain = Chain({"reader": agent})  # type: ignore[dict-item]  # as much of a client as is used
    (root,) = chain.read("root")
    assert (root.emitted[0][1], unsettled([root])) == ([], [])


def test_an_outcome_is_asked_for_again_until_it_is_published() -> None:
    agent = OneAgent(published_at=None, undeliverable=[])
    chain = Chain({"reader": agent})  # type: ignore[dict-item]  # as much of a client as is used
    for _ in range(2):
        (root,) = chain.read("root")
    assert root.publication_of(root.emitted[0][0]) == "not published yet"
    assert agent.asked == 2
