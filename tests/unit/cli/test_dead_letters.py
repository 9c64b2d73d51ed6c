"""`agents dead-letters`: list, show, replay, replay-all, drop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console

from cli.commands import dead_letters, replays
from tests.unit.cli.conftest import Call
from tests.unit.cli.letters_served import LettersServed, letter, refused
from tests.unit.cli.served import write_manifest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("AGENTS_PORT_OFFSET", raising=False)
    write_manifest(tmp_path, ["reader", "planner"], [2, 3], 1)
    return tmp_path


@pytest.fixture
def reader(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LettersServed]:
    served = LettersServed("reader", [letter("reader", 1), letter("reader", 3, cause="invalid_input")])
    monkeypatch.setenv("AGENTS_URL_READER", served.url)
    yield served
    served.close()


@pytest.fixture
def planner(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LettersServed]:
    served = LettersServed(
        "planner", [letter("planner", 2, task="make-plan", message="a\nb\x1b[31m" + "x" * 80)]
    )
    monkeypatch.setenv("AGENTS_URL_PLANNER", served.url)
    yield served
    served.close()


@pytest.fixture
def both(reader: LettersServed, planner: LettersServed) -> tuple[LettersServed, LettersServed]:
    return reader, planner


def listed(agents: Call, *words: str) -> list[str]:
    return [one["id"] for one in json.loads(agents("dead-letters", "list", "--json", *words).stdout)]


@pytest.mark.usefixtures("both")
def test_list_merges_the_agents_letters_newest_first(agents: Call) -> None:
    assert listed(agents) == ["reader-3", "planner-2", "reader-1"]
    assert listed(agents, "planner") == ["planner-2"]


@pytest.mark.usefixtures("both")
def test_a_list_is_a_table_with_the_message_on_one_line(agents: Call) -> None:
    shown = agents("dead-letters", "list")
    assert shown.exit_code == 0
    head, *rows = shown.stdout.splitlines()
    assert head.split() == ["age", "agent", "task", "cause", "message", "id"]
    assert re.fullmatch(
        r"\d+ .* +reader +read-plan +invalid_input +nobody can read this +reader-3 *", rows[0]
    )
    assert "a\\nb\\x1b[31mxxx" in rows[1]
    assert "…  planner-2" in rows[1]
    assert "\x1b" not in rows[1]


def test_conditions_are_sent_to_the_agents(agents: Call, reader: LettersServed) -> None:
    words = [
        "--where",
        "cause=rejected",
        "--where",
        "task=read-plan",
        "--where",
        "type=agents.planner.plan.made",
    ]
    assert (
        listed(agents, "reader", *words, "--where", "before=2026-11-20T12:00+01:00", "--state", "all") == []
    )
    assert listed(agents, "reader", *words, "--where", "after=2026-11-20T11:00:30+00:00") == ["reader-1"]
    sent = parse_qs(urlsplit(reader.asked[-1]).query)
    assert sent == {
        "state": ["open"],
        "cause": ["rejected"],
        "task": ["read-plan"],
        "type": ["agents.planner.plan.made"],
        "after": [sent["after"][0]],
        "limit": ["51"],
    }


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("cause", "'cause' is not NAME=VALUE, as cause=rejected"),
        ("cause=", "'cause=' is not NAME=VALUE"),
        ("couse=x", "'couse' is nothing to choose by; did you mean cause?"),
        ("after=yesterday", "after is 'yesterday', not a time as 2026-11-20 or 2026-11-20T12:30"),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_wrong_condition_is_2_and_says_what_is_allowed(agents: Call, where: str, told: str) -> None:
    refused = agents("dead-letters", "list", "--where", where)
    assert refused.exit_code == 2
    assert told in " ".join(refused.stderr.split())


def test_a_long_list_is_read_page_by_page_and_no_further_than_asked(
    agents: Call, reader: LettersServed
) -> None:
    reader.letters = [letter("reader", number) for number in range(40)]
    reader.page = 10
    shown = agents("dead-letters", "list", "reader", "--limit", "15", "--json")
    assert [one["id"] for one in json.loads(shown.stdout)] == [
        f"reader-{number}" for number in range(39, 24, -1)
    ]
    assert shown.stderr == "there are more: --limit 60 or --limit 0 shows them\n"
    assert len(reader.asked) == 2
    assert len(listed(agents, "reader", "--limit", "0")) == 40


@pytest.mark.usefixtures("reader")
def test_an_agent_that_does_not_answer_is_named_and_the_rest_is_listed(agents: Call) -> None:
    shown = agents("dead-letters", "list")
    assert shown.exit_code == 4
    assert "reader-3" in shown.stdout
    assert "planner does not answer" in shown.stderr


@pytest.mark.usefixtures("project")
def test_when_no_agent_answers_it_is_3(agents: Call) -> None:
    for words in (["list"], ["show", "x"], ["replay", "x"], ["replay-all", "--yes"]):
        assert agents("dead-letters", *words).exit_code == 3


def test_nothing_to_list_is_said(agents: Call, reader: LettersServed) -> None:
    reader.letters = []
    assert agents("dead-letters", "list", "reader").stdout == "no open dead letters\n"
    assert agents("dead-letters", "list", "reader", "--json").stdout == "[]\n"


@pytest.mark.usefixtures("both")
def test_a_letter_is_shown_with_its_story_its_original_and_the_command_that_replays_it(agents: Call) -> None:
    lines = agents("dead-letters", "show", "reader-1").stdout.splitlines()
    assert lines[0] == "reader/read-plan dead letter, open"
    assert "  cause       rejected" in lines
    assert "  message     nobody can read this" in lines
    assert "  event       agents.planner.plan.made  event-1 from /agents/planner" in lines
    assert "  prompt      read-plan 1.0.0 (0123456789ab)" in lines
    story = lines[lines.index("story") + 1 : lines.index("details") - 1]
    assert [line.split("  ", 2)[2] for line in story] == [
        "attempt 1: host-1 (0.1.0) begins",
        "its owner was lost",
        "attempt 2: host-2 (0.1.0) takes it over",
        "failed: rejected",
    ]
    assert lines[lines.index("original") + 1 :] == [
        "  id: event-1",
        "  type: agents.planner.plan.made",
        "  data:",
        "    title: ",
        "    tags:",
        "      - a",
        "      - b",
        "",
        "do it again: agents dead-letters replay reader-1 --agent reader",
    ]


def test_a_letter_that_cannot_be_replayed_says_why(agents: Call, reader: LettersServed) -> None:
    left = {"size": 5_000_395, "excerpt": "{"}
    reader.letters[0] |= {"replayable": False, "size": 5_000_395, "original": left}
    shown = agents("dead-letters", "show", "reader-1", "--agent", "reader").stdout
    assert "  size        5000395 bytes\n" in shown
    assert "\noriginal, what is left of it\n  size: 5000395\n  excerpt: {\n" in shown
    assert shown.endswith("\nit cannot be replayed: publish it again, mended\n")
    assert "dead-letters replay" not in shown
    listed_ones = agents("dead-letters", "list", "reader").stdout.splitlines()
    assert listed_ones[0].split()[-2:] == ["replay", "id"]
    assert listed_ones[1].split()[-2:] == ["this", "reader-3"]
    assert listed_ones[2].split()[-2:] == ["no", "reader-1"]
    agents("dead-letters", "drop", "reader-3", "--reason", "a test", "--agent", "reader")
    shown = agents("dead-letters", "show", "reader-3", "--agent", "reader").stdout
    assert ": a test\n" in shown
    assert shown.endswith("it was dropped, and is not done again\n")


@pytest.mark.usefixtures("both")
def test_an_unknown_letter_is_9(agents: Call) -> None:
    for words in (["show", "x"], ["replay", "x"], ["drop", "x", "--reason", "y"]):
        refused = agents("dead-letters", *words)
        assert refused.exit_code == 9
        assert refused.stderr.startswith("error: no agent knows the dead letter x\n")


def test_a_replay_finds_the_agent_by_itself_and_twice_is_once(
    agents: Call, both: tuple[LettersServed, LettersServed]
) -> None:
    first = agents("dead-letters", "replay", "planner-2")
    assert first.stdout == (
        "replayed: planner-2 as again-planner-2 (planner)\nnext: agents chain -f again-planner-2\n"
    )
    assert agents("dead-letters", "replay", "planner-2").stdout == first.stdout
    assert both[1].letters[0]["state"] == "replayed"
    shown = agents("dead-letters", "show", "planner-2").stdout
    assert shown.endswith("next: agents executions show again-planner-2\n")


@pytest.mark.usefixtures("both")
def test_ids_come_from_standard_input_too_and_each_failure_is_told(agents: Call) -> None:
    agents("dead-letters", "drop", "reader-1", "--reason", "a test")
    done = agents("dead-letters", "replay", "-", stdin="reader-3 reader-1\nnobody-7\nreader-3\n")
    assert done.exit_code == 1
    assert done.stdout.startswith("replayed: reader-3 as again-reader-3 (reader)\n")
    assert done.stderr == (
        "failed: reader-1: reader-1 was dropped\nfailed: nobody-7: no agent knows the dead letter nobody-7\n"
    )


def test_who_may_not_settle_many_is_told_once_where_the_token_comes_from(
    agents: Call, both: tuple[LettersServed, LettersServed]
) -> None:
    for served in both:
        served.refusal = refused(403, "forbidden", "yours: Agents.Viewer")
    told = agents("dead-letters", "drop", "reader-1", "planner-2", "--reason", "a test")
    assert told.exit_code == 6
    assert told.stderr == (
        "failed: reader-1: yours: Agents.Viewer\nfailed: planner-2: yours: Agents.Viewer\n"
        "  `agents` sends what AGENTS_TOKEN holds: a token of the issuer or an API key; see docs/security.md\n"
    )


@pytest.mark.usefixtures("both")
def test_no_ids_on_standard_input_is_no_error(agents: Call) -> None:
    done = agents("dead-letters", "replay", "-", "--json", stdin="\n")
    assert (done.exit_code, done.stdout) == (0, "[]\n")


@pytest.mark.parametrize("words", [["replay", "-"], ["drop", "-", "--reason", "y"]])
@pytest.mark.usefixtures("both")
def test_standard_input_that_is_no_text_is_wrong_usage(agents: Call, words: list[str]) -> None:
    refused = agents("dead-letters", *words, stdin=b"an-id\xff\x00\xed\xa0\x80")
    assert refused.exit_code == 2
    assert "standard input is not UTF-8 text: byte 6 of it is 0xff" in refused.stderr


def test_a_store_that_is_away_is_told_with_what_to_look_at(agents: Call, reader: LettersServed) -> None:
    reader.refusal = refused(503, "sidecar_unavailable", "read dead-letters:reader: internal: EOF")
    done = agents("dead-letters", "show", "reader-1", "--agent", "reader")
    assert done.exit_code == 4
    assert "the store or broker behind it, does not answer: agents status, agents doctor" in done.stderr


def test_only_the_agent_whose_letter_it_is_is_told_to_act(
    agents: Call, reader: LettersServed, planner: LettersServed
) -> None:
    """With another one it would be a failed act in the audit trail."""
    assert agents("dead-letters", "replay", "planner-2").exit_code == 0
    assert agents("dead-letters", "drop", "planner-2", "--reason", "x").exit_code == 1
    assert agents("dead-letters", "replay", "nobody-1").exit_code == 9
    assert (reader.told, planner.told) == ([], ["planner-2/replay", "planner-2/drop"])


@pytest.mark.usefixtures("both")
def test_a_dropped_letter_cannot_be_replayed_nor_a_replayed_one_dropped(agents: Call) -> None:
    dropped = agents("dead-letters", "drop", "reader-1", "--reason", "a test", "--json")
    assert json.loads(dropped.stdout)[0]["dropped_because"] == "a test"
    refused = agents("dead-letters", "replay", "reader-1")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "error: reader-1 was dropped")
    agents("dead-letters", "replay", "reader-3")
    refused = agents("dead-letters", "drop", "reader-3", "--reason", "a test")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, "error: reader-3 was replayed already")


@pytest.mark.usefixtures("project")
def test_drop_needs_a_reason(agents: Call) -> None:
    assert agents("dead-letters", "drop", "x").exit_code == 2
    assert agents("dead-letters", "drop", "x", "--reason", " ").exit_code == 2


def test_replay_all_refuses_without_yes_where_nobody_can_be_asked_and_tells_the_counts(
    agents: Call, both: tuple[LettersServed, LettersServed]
) -> None:
    refused = agents("dead-letters", "replay-all")
    assert refused.exit_code == 2
    assert "     1  planner: rejected\n" in refused.stderr
    assert "3 dead letters would be replayed: --yes does it" in refused.stderr
    assert {one["state"] for one in both[0].letters} == {"open"}


@pytest.mark.parametrize(("answer", "state"), [("y", "replayed"), ("n", "open")])
def test_replay_all_asks_at_a_terminal(
    agents: Call, reader: LettersServed, monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    monkeypatch.setattr(replays, "somebody_is_there", lambda: True)
    asked = agents("dead-letters", "replay-all", "reader", stdin=f"{answer}\n")
    assert "     1  reader: rejected\n" in asked.stderr
    assert "Replay 2 dead letters?" in asked.stderr
    assert {one["state"] for one in reader.letters} == {state}


@pytest.mark.usefixtures("both")
def test_in_a_narrow_terminal_the_message_gives_way_and_nothing_else(
    agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = Console(width=50, highlight=False, soft_wrap=True)
    monkeypatch.setattr(dead_letters, "console", lambda: narrow)
    with narrow.capture() as shown:
        agents("dead-letters", "list")
    assert " invalid_input  nobody can …  reader-3\n" in shown.get()


def test_replay_all_replays_what_the_conditions_choose(
    agents: Call, both: tuple[LettersServed, LettersServed]
) -> None:
    done = agents("dead-letters", "replay-all", "--where", "cause=rejected", "--yes")
    assert (done.exit_code, done.stdout) == (0, "replayed 2 of 2\n")
    assert [one["state"] for one in both[0].letters] == ["replayed", "open"]
    assert agents("dead-letters", "replay-all", "--where", "cause=rejected", "--yes").stdout == (
        "no dead letters of that kind\n"
    )
    told = json.loads(agents("dead-letters", "replay-all", "reader", "--yes", "--json").stdout)
    assert told == {
        "found": 1,
        "left_out": [],
        "replayed": [
            {"id": "reader-3", "agent": "reader", "execution_id": "again-reader-3", "replay_of": "reader-3"}
        ],
        "failed": [],
    }


def test_replay_all_leaves_out_what_cannot_be_replayed_and_ends_well(
    agents: Call, reader: LettersServed
) -> None:
    reader.letters[0]["replayable"] = False
    told = "1 dead letter cannot be replayed: publish them again, mended\n"
    done = agents("dead-letters", "replay-all", "reader", "--yes")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "replayed 1 of 1, left 1 out\n", told)
    again = agents("dead-letters", "replay-all", "reader")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "replayed 0 of 0, left 1 out\n", told)
    as_json = json.loads(agents("dead-letters", "replay-all", "reader", "--yes", "--json").stdout)
    assert as_json == {"found": 1, "left_out": ["reader-1"], "replayed": [], "failed": []}


def test_replay_all_waits_for_an_agent_that_is_full(
    agents: Call, reader: LettersServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PAUSE", 0.01)
    reader.full = 3
    assert agents("dead-letters", "replay-all", "reader", "--yes").stdout == "replayed 2 of 2\n"


@pytest.mark.usefixtures("both")
def test_what_the_agent_says_of_a_reason_that_is_too_long_is_shown(agents: Call) -> None:
    told = agents("dead-letters", "drop", "reader-1", "--reason", "x" * 600)
    assert told.exit_code == 2
    assert told.stderr.startswith('error: send {"reason": "…"}, 1 to 500 characters\n')
    told = agents("dead-letters", "drop", "reader-1", "planner-2", "--reason", "x" * 600)
    assert told.exit_code == 2
    assert told.stderr == (
        'failed: reader-1: send {"reason": "…"}, 1 to 500 characters\n'
        'failed: planner-2: send {"reason": "…"}, 1 to 500 characters\n'
    )


@pytest.mark.usefixtures("planner")
def test_a_condition_that_all_agents_refuse_is_shown_as_they_say_it(
    agents: Call, reader: LettersServed, planner: LettersServed
) -> None:
    reader.refusal = planner.refusal = refused(422, "invalid_input", "cursor is no cursor")
    told = agents("dead-letters", "list")
    assert (told.exit_code, told.stderr) == (2, "error: cursor is no cursor\n  \n")


@pytest.mark.parametrize("words", [["show", "x"], ["replay", "x"], ["drop", "x", "--reason", "y"]])
@pytest.mark.usefixtures("planner")
def test_what_an_agent_cannot_answer_now_is_never_said_not_to_exist(
    agents: Call, reader: LettersServed, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(replays, "PATIENCE", 0.0)
    reader.refusal = refused(503, "unavailable", "the store refuses to write")
    told = agents("dead-letters", *words)
    assert told.exit_code == 4
    assert told.stderr.startswith(
        "error: cannot be known now: the dead letter x; the store refuses to write\n"
    )
    reader.close()
    told = agents("dead-letters", *words)
    assert told.exit_code == 3
    assert told.stderr.startswith("error: cannot be known now: the dead letter x; reader does not answer at ")


@pytest.mark.usefixtures("planner")
def test_a_replay_waits_for_the_agent_that_knows_the_letter_and_is_full(
    agents: Call, reader: LettersServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PAUSE", 0.01)
    reader.full = 2
    assert agents("dead-letters", "replay", "reader-1").exit_code == 0


@pytest.mark.usefixtures("planner")
def test_a_document_that_the_agent_cannot_read_is_told_as_the_agent_tells_it(
    agents: Call, reader: LettersServed
) -> None:
    reader.refusal = refused(500, "document_unreadable", "execution:x is unreadable")
    told = agents("executions", "show", "x", "--agent", "reader")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (1, "error: execution:x is unreadable")
    told = agents("dead-letters", "show", "x")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (1, "error: execution:x is unreadable")


def test_replay_all_gives_an_agent_up_that_stays_full(
    agents: Call, reader: LettersServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PATIENCE", 0.0)
    reader.full = 1
    done = agents("dead-letters", "replay-all", "reader", "--yes")
    assert (done.exit_code, done.stdout) == (4, "replayed 0 of 2\n")
    assert done.stderr.count("the broker is away") == 2
