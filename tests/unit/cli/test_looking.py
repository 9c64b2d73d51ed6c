"""`executions show`, `chain` and `events`: what became of work, and what went by."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cli import watching
from cli.chain import Chain
from cli.client import agent_clients
from domain.event import Event
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import Served
from tests.unit.cli.two_agents import PlanMade

UNKNOWN = "00000000-0000-5000-8000-000000000000"


def run(agents: Call, title: str, *words: str) -> str:
    """Have a plan made; its execution's id."""
    done = agents("run", "planner", "make-plan", "--title", title, *words, "--json")
    return str(json.loads(done.stdout)["execution_id"])


def without_times(text: str) -> list[str]:
    """Lines with ids, times and durations written as `…`."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "…", text)
    return [line.rstrip() for line in re.sub(r"\d+(\.\d)? (ms|s)\b", "…", text).splitlines()]


def test_a_chain_is_a_tree_of_executions_and_events_across_agents(served: Served, agents: Call) -> None:
    execution = run(agents, "x")
    served.quiet()

    shown = agents("chain", execution)

    assert shown.exit_code == 0
    assert without_times(shown.stdout) == [
        "✓ planner/make-plan  completed in … at …  ID",
        "└── agents.planner.plan.made  …",
        "    └── ✓ reader/read-plan  completed in … at +…  ID",
        "        └── agents.reader.plan.read  …",
        "            └── ✓ planner/note-reading  completed in … at +…  ID",
        "3 executions: 3 completed; … from the first to the last",
    ]


def test_a_chain_is_found_by_the_correlation_id_that_was_given(served: Served, agents: Call) -> None:
    first = run(agents, "one", "--correlation", "spring")
    second = run(agents, "two", "--correlation", "spring")
    served.quiet()

    found = json.loads(agents("chain", "spring", "--json").stdout)

    assert [root["execution_id"] for root in found["roots"]] == [first, second]
    assert found["quiet"] is True


def test_a_chain_in_the_middle_begins_there(served: Served, agents: Call) -> None:
    run(agents, "x", "--correlation", "spring")
    served.quiet()
    whole = json.loads(agents("chain", "spring", "--json").stdout)
    reading = whole["roots"][0]["events"][0]["reactions"][0]

    below = json.loads(agents("chain", reading["execution_id"], "--json").stdout)

    assert [root["task"] for root in below["roots"]] == ["read-plan"]


def test_a_failure_in_a_chain_is_shown_with_its_cause_and_exits_1(served: Served, agents: Call) -> None:
    execution = run(agents, "unreadable")
    served.quiet()

    shown = agents("chain", execution)

    assert shown.exit_code == 1
    assert without_times(shown.stdout)[2:5] == [
        "    └── ✗ reader/read-plan  failed in … at +…  ID",
        "        rejected: nobody can read this",
        "        └── agents.reader.dead-letter  …",
    ]


def test_following_a_chain_ends_when_it_is_quiet(served: Served, agents: Call) -> None:
    execution = run(agents, "x", "--slow", "0.4", "--async")

    lines = [json.loads(line) for line in agents("chain", execution, "-f", "--json").stdout.splitlines()]

    assert lines[0]["quiet"] is False
    assert lines[0]["roots"][0]["status"] == "running"
    assert lines[-1]["quiet"] is True
    last = lines[-1]["roots"][0]["events"][0]["reactions"][0]["events"][0]["reactions"][0]
    assert (last["task"], last["status"]) == ("note-reading", "completed")


def test_following_waits_for_an_id_that_is_not_known_yet(served: Served, agents: Call) -> None:
    late = threading.Timer(0.5, run, (agents, "x", "--correlation", "soon"))
    late.start()

    followed = agents("chain", "soon", "-f")

    late.join()
    assert "3 executions: 3 completed" in followed.stdout


def test_following_where_nothing_can_be_redrawn_prints_each_change_as_it_comes(
    served: Served, agents: Call
) -> None:
    execution = run(agents, "x", "--slow", "0.6", "--async")

    lines = without_times(agents("chain", execution, "-f").stdout)

    tree = lines.index("✓ planner/make-plan  completed in … at …  ID")
    changes = lines[:tree]
    assert changes[0] == "… ● planner/make-plan  running for …, since …  ID"
    assert changes[-1] == "… ✓ planner/note-reading  completed in … at +…  ID"
    assert "… ✓ planner/make-plan  completed in … at …  ID" in changes
    assert len(changes) == len(set(changes))


def test_a_chain_tells_what_it_waits_for_and_since_when(served: Served, agents: Call) -> None:
    kept = agents("run", "planner", "make-plan", "--title", "model away", "--async")
    execution = kept.stderr.split()[-1]

    def waits() -> object:
        return json.loads(agents("chain", execution, "--json").stdout)["roots"][0]["waits_for"]

    deadline = time.monotonic() + 90
    while not waits() and time.monotonic() < deadline:
        time.sleep(0.1)

    assert waits() == "model_unavailable: the model is away"
    lines = without_times(agents("chain", execution).stdout)
    assert lines[0] == "● planner/make-plan  running for …, since …  ID"
    assert lines[1] == "waits for model_unavailable: the model is away"
    shown = without_times(agents("executions", "show", execution).stdout)
    assert "  time        since …, for …" in shown
    assert shown[shown.index("story") + 2].strip() == "waits for model_unavailable: the model is away"


def test_work_that_was_not_begun_is_expected_for_a_minute_and_missing_after(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.platform.broker.send = lambda topic, message: None  # type: ignore[method-assign]
    service = served.platform.services["planner"]
    task = service.agent.tasks["make-plan"]

    async def submit() -> str:
        trigger, _ = await service.submit(task, {"title": "x"}, key="k", correlation_id=None, patience=5)
        return trigger.execution_id

    execution = served.run(submit)

    reaction = Chain(agent_clients()).read(execution)[0].emitted[0][1][0]
    assert (reaction.agent, reaction.status) == ("reader", "expected")
    monkeypatch.setattr("cli.chain.OVERDUE", 0.0)
    assert Chain(agent_clients()).read(execution)[0].emitted[0][1][0].status == "missing"


def test_a_chain_whose_agent_is_away_shows_the_rest_and_exits_4(served: Served, agents: Call) -> None:
    execution = run(agents, "x")
    served.quiet()
    served.stop("reader")

    shown = agents("chain", execution)

    assert shown.exit_code == 4
    assert "planner/make-plan  completed" in shown.stdout
    assert "reader does not answer" in shown.stderr


def test_an_id_that_nobody_knows_who_answers_is_not_said_to_be_unknown(served: Served, agents: Call) -> None:
    served.stop("reader")

    for words in (["chain", UNKNOWN], ["executions", "show", UNKNOWN]):
        refused = agents(*words)
        assert refused.exit_code == 3
        assert refused.stderr.startswith("error: cannot be known now: ")
        assert "reader does not answer at " in refused.stderr


def test_an_unknown_id_exits_9(served: Served, agents: Call) -> None:
    assert agents("chain", UNKNOWN).exit_code == 9
    refused = agents("executions", "show", UNKNOWN)
    assert refused.exit_code == 9
    assert refused.stderr.startswith(f"error: no agent knows the execution {UNKNOWN}\n")


def test_an_execution_is_told_as_a_story(served: Served, agents: Call) -> None:
    execution = run(agents, "x", "--idempotency-key", "story")
    served.quiet()

    shown = agents("executions", "show", execution)

    lines = without_times(shown.stdout)
    assert lines[0] == "planner/make-plan completed in …"
    assert "  trigger     a request over HTTP, idempotency key story" in lines
    assert "  attempts    1" in lines
    story = lines[lines.index("story") + 1 :][:3]
    assert re.sub(r": planner\S+ .*begins", ": OWNER begins", story[0]) == "  …  attempt 1: OWNER begins"
    assert story[1:] == ["  …  completed", "  …  published 1 event"]
    assert "event agents.planner.plan.made  ID" in lines
    assert json.loads(agents("executions", "show", execution, "--json").stdout)["events"][0]["data"] == {
        "title": "x",
        "slow": 0.0,
    }


def test_a_failed_execution_tells_its_error(served: Served, agents: Call) -> None:
    failed = agents("run", "planner", "make-plan", "--title", "impossible")
    execution = failed.stderr.split()[-1]

    shown = agents("executions", "show", execution, "--agent", "planner")

    assert shown.stdout.startswith("planner/make-plan failed in ")
    assert "error\n  this cannot be planned\n" in shown.stdout
    assert "  failed for good\n" in shown.stdout


def test_a_failed_execution_leads_to_its_dead_letter_and_its_replay_back(
    served: Served, agents: Call
) -> None:
    root = run(agents, "unreadable")
    served.quiet()
    chain = json.loads(agents("chain", root, "--json").stdout)
    failed = chain["roots"][0]["events"][0]["reactions"][0]["execution_id"]

    assert agents("executions", "show", failed).stdout.endswith(f"next: agents dead-letters show {failed}\n")
    (listed,) = json.loads(agents("dead-letters", "list", "--json").stdout)
    assert (listed["id"], listed["agent"], listed["cause"]) == (failed, "reader", "rejected")
    shown = agents("dead-letters", "show", failed).stdout
    assert "    title: unreadable\n" in shown
    assert shown.endswith(f"do it again: agents dead-letters replay {failed} --agent reader\n")

    replayed = json.loads(agents("dead-letters", "replay", failed, "--json").stdout)[0]["execution_id"]
    served.quiet()
    assert f"  replay of   {failed}\n" in agents("executions", "show", replayed).stdout
    assert f"  replayed as {replayed}, " in agents("dead-letters", "show", failed).stdout
    assert f"  replayed as {replayed}\n" in agents("executions", "show", failed).stdout
    (again,) = json.loads(agents("dead-letters", "list", "--json").stdout)
    assert again["id"] == replayed  # it failed again, and is a dead letter of its own
    assert agents("dead-letters", "drop", replayed, "--reason", "a test").exit_code == 0
    assert agents("dead-letters", "list").stdout == "no open dead letters\n"


def test_events_merges_the_agents_streams_by_time(served: Served, agents: Call) -> None:
    run(agents, "x", "--correlation", "spring")
    served.quiet()

    lines = without_times(agents("events").stdout)

    assert (
        lines
        == [
            "…  planner         → agents.planner.execution.requested  ID  spring",
            "…  planner         ← agents.planner.execution.requested  ID  spring",
            "…  planner         → agents.planner.plan.made  ID  spring",
            "…  reader          ← agents.planner.plan.made  ID  spring",
            "…  reader          → agents.reader.plan.read  ID  spring",
            "…  planner         ← agents.reader.plan.read  ID  spring",
        ]
        or sorted(lines) == lines
    )  # publishing is noted when the broker has answered, so a receiver may be first


def test_events_can_be_narrowed_to_agents_and_a_correlation_id(served: Served, agents: Call) -> None:
    run(agents, "one", "--correlation", "one")
    run(agents, "two", "--correlation", "two")
    served.quiet()

    found = [
        json.loads(line)
        for line in agents("events", "reader", "--correlation", "two", "--json").stdout.splitlines()
    ]

    assert [(one["agent"], one["direction"], one["event"]["type"]) for one in found] == [
        ("reader", "received", "agents.planner.plan.made"),
        ("reader", "published", "agents.reader.plan.read"),
    ]


def test_events_leaves_out_redeliveries_unless_asked_for(served: Served, agents: Call) -> None:
    served.run(_published(served, "1"))
    served.run(_published(served, "1"))
    served.quiet()

    def received(*words: str) -> int:
        return agents("events", "reader", *words).stdout.count("← agents.planner.plan.made")

    assert received() == 1
    assert received("--redeliveries") == 2


def test_events_shows_what_is_no_event(served: Served, agents: Call) -> None:
    async def send() -> None:
        served.platform.broker.send(PlanMade.event_type, b"\x1b[31mnot json")
        await asyncio.sleep(0.1)

    served.run(send)

    lines = agents("events", "reader").stdout
    assert "← agents.planner.plan.made: no event" in lines
    assert "\x1b" not in lines


def test_a_watch_goes_on_with_what_comes_and_reconnects(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "RECONNECT", 0.05)
    watch = watching.Watch([agent_clients()["reader"]], follow=True)
    assert watch.kept() == []
    coming = watch.coming()

    served.run(_published(served, "1"))
    first = next(seen for seen in coming if seen.entry)
    assert first.entry["event"]["id"] == "1"

    served.restart("reader")
    served.run(_published(served, "2"))
    received = (seen.entry["event"]["id"] for seen in coming if seen.entry.get("direction") == "received")
    assert next(received) == "2"


def _published(served: Served, event_id: str) -> Callable[[], Coroutine[Any, Any, None]]:
    async def publish() -> None:
        served.platform.publish(
            Event(id=event_id, source="/tests", type=PlanMade.event_type, data={"title": "x", "slow": 0})
        )

    return publish


def test_a_replay_shows_both_results_side_by_side(served: Served, agents: Call) -> None:
    execution = run(agents, "x")
    shown = agents("executions", "replay", execution)
    assert shown.exit_code == 0
    lines = without_times(shown.stdout)
    assert lines[0] == "planner/make-plan ID"
    assert lines[1].split() == ["recorded", "tried"]
    assert lines[2].split() == ["status", "completed", "completed"]
    assert lines[-1] == "the same output; nothing was published, stored or sent"


@pytest.mark.usefixtures("served")
def test_replays_without_an_id_say_so(agents: Call) -> None:
    assert agents("executions", "replay", "-", stdin="\n").stderr == "no ids on standard input\n"


def test_many_replays_end_in_a_summary_and_name_what_could_not_be_run(served: Served, agents: Call) -> None:
    ids = [run(agents, title) for title in ("one", "two")]
    shown = agents("executions", "replay", "-", stdin="\n".join([*ids, UNKNOWN, ids[0]]))
    assert shown.exit_code == 9
    assert f"failed: {UNKNOWN}: no agent knows the execution {UNKNOWN}" in shown.stderr
    assert [line.split("  ")[0] for line in shown.stdout.splitlines()[:2]] == ids
    assert "    2  the same output" in shown.stdout


@pytest.mark.parametrize("given", [(UNKNOWN,), ("-",)])
def test_a_single_replay_that_fails_is_told_once(served: Served, agents: Call, given: tuple[str]) -> None:
    shown = agents("executions", "replay", *given, stdin=UNKNOWN)
    assert shown.exit_code == 9
    assert shown.stderr.count(f"no agent knows the execution {UNKNOWN}") == 1


def test_a_replay_of_what_asked_no_prompt_takes_no_version(served: Served, agents: Call) -> None:
    refused = agents("executions", "replay", run(agents, "x"), "--prompt", "1.1.0")
    assert (refused.exit_code, "it asked no prompt" in refused.stderr) == (2, True)


def test_for_programs_a_replay_is_a_line_of_json(served: Served, agents: Call) -> None:
    execution = run(agents, "x")
    (line,) = agents("executions", "replay", execution, "--json").stdout.splitlines()
    found = json.loads(line)
    assert found["execution_id"] == execution
    assert found["recorded"]["output"] == found["tried"]["output"]
