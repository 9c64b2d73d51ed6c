from __future__ import annotations

import json
import shlex
import threading
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Call
from tests.unit.cli.served import Served


def test_tasks_shows_what_starts_each_task_and_what_it_needs(served: Served, agents: Call) -> None:
    shown = agents("tasks")

    assert shown.exit_code == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[1] == ["planner", "make-plan", "Make", "a", "plan.", "title", "–"]
    assert lines[3] == ["reader", "read-plan", "Read", "a", "plan.", "title", "planner.plan.made"]


def test_tasks_as_json_holds_schemas_and_examples(served: Served, agents: Call) -> None:
    found = json.loads(agents("tasks", "planner", "--json").stdout)

    assert [one["agent"] for one in found] == ["planner"]
    assert [task["name"] for task in found[0]["tasks"]] == ["make-plan", "note-reading"]
    assert found[0]["tasks"][0]["examples"][0]["title"] == "Spring cleaning"


def test_a_mistyped_agent_is_answered_with_the_nearest_one(served: Served, agents: Call) -> None:
    refused = agents("tasks", "planer")

    assert refused.exit_code == 9
    assert refused.stderr == "error: there is no agent 'planer'\n  did you mean planner?\n"


def test_when_nothing_runs_every_command_says_how_to_start(served: Served, agents: Call) -> None:
    served.stop("planner")
    served.stop("reader")

    for words in (
        ["tasks"],
        ["run", "planner", "make-plan", "--title", "x"],
        ["events"],
        ["executions", "show", "1"],
        ["chain", "1"],
        ["publish", "agents.servicedesk.ticket.created", "--data", "{}", "--force"],
    ):
        refused = agents(*words)
        assert refused.exit_code == 3, words
        assert refused.stderr.splitlines()[-1] == "  start the agents: agents up", words


def test_with_one_agent_away_tasks_shows_the_others_and_exits_4(served: Served, agents: Call) -> None:
    served.stop("reader")

    shown = agents("tasks")

    assert shown.exit_code == 4
    assert "make-plan" in shown.stdout
    assert "reader does not answer at http://127.0.0.1:" in shown.stderr


def test_an_agent_elsewhere_is_found_by_its_variable(
    served: Served, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTS_URL_READER", "http://127.0.0.1:1")

    refused = agents("tasks", "reader")

    assert refused.stderr.startswith(
        "error: reader does not answer at http://127.0.0.1:1: connection refused"
    )


def test_an_address_that_is_none_is_refused_by_its_variable(
    served: Served, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTS_URL_READER", "reader:80")

    refused = agents("tasks", "reader")

    assert refused.exit_code == 6
    assert refused.stderr.startswith(
        "error: AGENTS_URL_READER is 'reader:80', not an http:// or https:// address"
    )


def test_the_help_of_a_task_shows_its_fields_and_an_example_that_works(served: Served, agents: Call) -> None:
    shown = agents("run", "planner", "make-plan", "--help")

    assert "--title TEXT" in shown.stdout
    assert "What it is about  [required]" in shown.stdout
    assert "--kind [work|home]" in shown.stdout
    assert "--urgent / --no-urgent" in shown.stdout
    example = shown.stdout.partition("Example:\n")[2].strip()
    assert (
        example == "agents run planner make-plan --title 'Spring cleaning' --tags home --tags dirt --urgent"
    )
    assert agents(*shlex.split(example)[1:]).exit_code == 0


def test_options_become_typed_input(served: Served, agents: Call) -> None:
    words = ["--title", "t", "--tags", "a", "--tags", "b", "--weight", "0.5", "--people", "3", "--no-urgent"]
    nested = ["--steps", '{"name": "one"}', "--first", '{"name": "two", "minutes": 5}', "--field-json", "j"]

    done = agents("run", "planner", "make-plan", *words, *nested, "--json")

    assert json.loads(done.stdout)["output"]["made_from"] == {
        "title": "t",
        "kind": "home",
        "tags": ["a", "b"],
        "steps": [{"name": "one", "minutes": 1}],
        "weight": 0.5,
        "people": 3,
        "urgent": False,
        "first": {"name": "two", "minutes": 5},
        "json_": "j",
        "slow": 0.0,
    }


def test_input_comes_from_text_file_or_standard_input_and_options_replace_its_fields(
    served: Served, agents: Call, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text('{"title": "from a file", "people": 2}')

    def title_of(*words: str, stdin: str | None = None) -> str:
        done = agents("run", "planner", "make-plan", *words, "--json", stdin=stdin)
        return str(json.loads(done.stdout)["output"]["title"])

    assert title_of("--input", '{"title": "typed"}') == "typed"
    assert title_of("--input", "@plan.json") == "from a file"
    assert title_of("--input", "-", stdin='{"title": "piped"}') == "piped"
    assert title_of("--input", "@plan.json", "--title", "wins") == "wins"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing: --title (or in --input); --help has an example that works"),
        (["--peopel", "1"], "No such option '--peopel'. Did you mean '--people'?"),
        (["--input", '{"titel": 1}'], "--input has an unknown field 'titel'; did you mean title?"),
        (["--input", "{"], "--input is not JSON: EOF while parsing an object at line 1 column 1"),
        (["--input", "[1]"], "--input is not a JSON object: give {…}"),
        (["--input", "@nowhere.json"], "--input: cannot read nowhere.json: No such file or directory"),
        (
            ["--title", "x", "--people", "ten"],
            "Invalid value for '--people': 'ten' is not a valid integer range.",
        ),
        (
            ["--title", "x", "--kind", "play"],
            "Invalid value for '--kind': 'play' is not one of 'work', 'home'.",
        ),
        (["--title", "x", "--async", "--stream"], "--async does not wait, so there is nothing to --stream"),
        (["--title", "x", "--correlation", "a b"], "1 to 200 visible ASCII characters without blanks"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_sent(
    served: Served, agents: Call, words: list[str], message: str
) -> None:
    refused = agents("run", "planner", "make-plan", *words)

    assert refused.exit_code == 2
    assert message in refused.stderr
    assert served.platform.broker.published == []


def test_what_the_agent_refuses_is_told_by_option(served: Served, agents: Call) -> None:
    refused = agents("run", "planner", "make-plan", "--title", "", "--steps", '{"minutes": 1}')

    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[1:3] == [
        "  --title: String should have at least 1 character",
        "  --steps[0].name: Field required",
    ]


def test_a_mistyped_task_is_answered_with_the_nearest_one(served: Served, agents: Call) -> None:
    refused = agents("run", "planner", "make-plam")

    assert refused.exit_code == 9
    assert refused.stderr == "error: there is no task 'make-plam' of planner\n  did you mean make-plan?\n"


def test_a_result_is_shown_with_its_execution_its_events_and_what_to_do_next(
    served: Served, agents: Call
) -> None:
    key = ["--idempotency-key", "once", "--correlation", "spring"]

    done = agents("run", "planner", "make-plan", "--title", "Tidy\nup", *key)

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == ["title:", "  Tidy", "  up"]
    assert lines[-5].startswith("✓ planner/make-plan · in ")
    assert lines[-4] == "  execution    ea23db95-2096-536d-9fa0-e153007d52e7"
    assert lines[-3] == "  correlation  spring"
    assert lines[-2].startswith("  event        agents.planner.plan.made  ")
    assert lines[-1] == "next: agents chain -f ea23db95-2096-536d-9fa0-e153007d52e7"
    assert (
        "done before, answered again"
        in agents("run", "planner", "make-plan", "--title", "Tidy\nup", *key).stdout
    )
    other_input = agents("run", "planner", "make-plan", "--title", "other", *key)
    assert other_input.exit_code == 2
    assert "used the identity 'once' before" in other_input.stderr


def test_async_returns_at_once_and_says_how_to_follow(served: Served, agents: Call) -> None:
    taken = agents("run", "planner", "make-plan", "--title", "x", "--slow", "0.3", "--async")

    assert taken.exit_code == 0
    first, second = taken.stdout.splitlines()
    execution = first.removeprefix("accepted: execution ")
    assert second == f"next: agents chain -f {execution}"


def test_a_task_that_fails_exits_1_and_names_its_execution(served: Served, agents: Call) -> None:
    failed = agents("run", "planner", "make-plan", "--title", "impossible")

    assert failed.exit_code == 1
    message, hint = failed.stderr.splitlines()
    assert message == "error: this cannot be planned"
    assert hint.startswith("  agents executions show ")


def test_a_missing_model_exits_4_and_says_that_the_work_is_kept(served: Served, agents: Call) -> None:
    held = agents("run", "planner", "make-plan", "--title", "model away")

    assert held.exit_code == 4
    message, hint = held.stderr.splitlines()
    assert message == "error: the model is away"
    assert hint.startswith("  it runs as soon as it can; do not send it again; agents executions show ")


def test_streaming_ends_with_the_result(served: Served, agents: Call) -> None:
    streamed = agents("run", "planner", "make-plan", "--title", "x", "--stream", "--json")

    assert [json.loads(line)["status"] for line in streamed.stdout.splitlines()] == ["completed"]
    assert agents("run", "planner", "make-plan", "--title", "impossible", "--stream").exit_code == 1


def test_control_characters_of_a_result_do_not_reach_the_terminal(served: Served, agents: Call) -> None:
    done = agents("run", "planner", "make-plan", "--title", "\x1b[2Jgone")

    assert "title: \\x1b[2Jgone" in done.stdout
    assert "\x1b" not in done.stdout


def test_work_goes_on_when_its_agent_goes_away_in_the_middle(served: Served, agents: Call) -> None:
    restart = threading.Timer(0.3, served.restart, ["planner"])
    restart.start()

    done = agents("run", "planner", "make-plan", "--title", "x", "--slow", "1", "--json")

    restart.join()
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["replayed"] is True
    commands = {
        json.loads(message)["id"]
        for topic, message in served.platform.broker.published
        if topic.endswith(".execution.requested")
    }
    assert len(commands) == 1, "sent again with the same key, it is the same request"
