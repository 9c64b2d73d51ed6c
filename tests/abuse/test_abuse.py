"""12,000 hostile requests, connections and messages against real agents, real sidecars and a real Redis: what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.provision.run import Programs
from tests.abuse.attack import Outcome, attack
from tests.abuse.field import MARK, field
from tests.abuse.kinds import KINDS, Kind, table, total
from tests.abuse.messages import COMMANDS, CREATED, ESCALATED, FORBIDDEN, MALFORMED, REFUSED
from tests.abuse.slow import IDLE, SLOW_BODIES, SLOW_HEADS
from tests.abuse.wire import CLOSED

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
GROWTH = 96.0
"""MiB that an agent may have more at its most than before. Measured: 26."""


@pytest.fixture(scope="module")
def outcome(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    with field(programs, tmp_path_factory.mktemp("abuse")) as place:
        yield asyncio.run(attack(place))


def test_ten_thousand_and_more_were_sent(outcome: Outcome) -> None:
    assert outcome.count == total()
    assert outcome.count >= 10_000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.partition(",")[0])
def test_every_request_is_refused_with_a_documented_answer(outcome: Outcome, kind: Kind) -> None:
    answers = outcome.answers[kind.name]
    assert answers.unexpected[:3] == []
    assert set(answers.statuses) == kind.answers


def test_connections_that_say_nothing_or_little_are_ended(outcome: Outcome) -> None:
    assert outcome.idle == {CLOSED: IDLE}
    assert outcome.slow_heads == {408: SLOW_HEADS}
    assert outcome.slow_bodies == {401: SLOW_BODIES}


def test_a_sidecar_lets_its_agent_use_what_it_declared_and_nothing_else(outcome: Outcome) -> None:
    assert outcome.forbidden.total() == FORBIDDEN
    assert set(outcome.forbidden) == {"PERMISSION_DENIED", "INVALID_ARGUMENT"}
    assert outcome.refused.total() == REFUSED
    assert "done" not in outcome.refused


def test_nothing_of_it_was_accepted(outcome: Outcome) -> None:
    """What could not be used of the broker's messages is kept as dead letters, for people to look at: none was run."""
    ledger = outcome.ledger
    assert outcome.malformed == {"done": MALFORMED}
    assert not any(MARK in question for question in ledger.asked)
    completed = [one for one in ledger.executions if one["status"] == "completed"]
    assert not any(MARK in json.dumps(one) for one in completed)
    assert ledger.statuses["failed"] == len(ledger.documents["dead-letter"])
    kinds_of_dead_letters = {"claim", "execution", "dead-letters"}
    assert not [
        key for kind in ledger.documents if kind not in kinds_of_dead_letters for key in ledger.marked(kind)
    ]
    assert ledger.documents["audit"] == {}
    written = {
        topic for topic, events in ledger.events.items() if any(MARK.encode() in one for one in events)
    }
    assert {topic for topic in written if not topic.endswith(".dead-letter")} == {
        CREATED,
        COMMANDS,
        ESCALATED,
    }


def test_good_requests_were_answered_and_good_events_done_throughout(outcome: Outcome) -> None:
    good, ledger = outcome.good, outcome.ledger
    assert good.wrong == []
    assert len(good.tickets) >= 20
    done = {key.rpartition(":")[2] for key in ledger.documents["execution"]}
    assert set(good.tickets) <= done
    triaged = [one for one in ledger.executions if (one["task"], one["status"]) == ("triage", "completed")]
    assert len(triaged) == len(good.tickets) + len(good.published)


def test_no_log_has_a_traceback_or_an_error(outcome: Outcome) -> None:
    for log in outcome.logs.values():
        lines = [json.loads(line) for line in log.splitlines()]
        assert [line for line in lines if line["level"] in {"error", "critical"}] == []
        assert "Traceback" not in log


def test_memory_stays_bounded(outcome: Outcome) -> None:
    for memory in outcome.memory.values():
        assert memory.peak - memory.before < GROWTH


def test_the_table_of_the_document_is_this_one() -> None:
    text = DOCUMENT.read_text()
    assert table() in text, f"docs/security.md: put this there\n{table()}"
    assert f"{total():,}" in text
