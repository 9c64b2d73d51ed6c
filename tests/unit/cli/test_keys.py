"""`agents keys`, `agents audit`, and the token that the commands send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli import client
from cli.client import AgentClient
from cli.refusals import Refusal
from infrastructure.identity.key_file import read_keys
from infrastructure.identity.keys import Keyring
from infrastructure.identity.roles import Role
from infrastructure.located_yaml.problem import Report
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import Served

NOBODY = "00000000-0000-0000-0000-000000000000"


def ring(*lines: str) -> Keyring:
    report = Report("keys.yaml")
    keys = read_keys(("keys:\n  " + "\n  ".join(lines) + "\n").encode(), report)
    assert report.problems == []
    return Keyring(keys)


def test_a_new_key_is_shown_once_and_its_line_lets_it_in(agents: Call) -> None:
    made = agents(
        "keys",
        "new",
        "--role",
        "operator",
        "--role",
        "Viewer",
        "--note",
        "nightly: 'x'",
        "--expires",
        "2999-01-01",
    )
    assert made.exit_code == 0
    key, line = (text.strip() for text in made.stdout.splitlines() if text.startswith("  "))
    assert made.stdout.count(key) == 1
    caller = ring(line).caller(key)
    assert caller.roles == (Role.OPERATOR, Role.VIEWER)
    assert "note: 'nightly: ''x'''" in line
    assert "expires: 2999-01-01" in line


def test_as_json_for_scripts(agents: Call) -> None:
    made = json.loads(agents("keys", "new", "--role", "viewer", "--json").stdout)
    assert ring(made["line"]).caller(made["key"]).name == f"keys/{made['id']}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing option '--role'"),
        (["--role", "root"], "'root' is not one of 'viewer', 'developer', 'operator', 'admin'"),
        (["--role", "viewer", "--expires", "soon"], "give a day, as 2027-05-01"),
        (["--role", "viewer", "--expires", "2020-01-01"], "give a day to come"),
        (["--role", "viewer", "--note", "a\nb"], "give one line of at most 200 characters"),
        (["--role", "viewer", "--note", "x" * 201], "give one line of at most 200 characters"),
    ],
)
def test_wrong_words_are_named(agents: Call, words: list[str], says: str) -> None:
    refused = agents("keys", "new", *words)
    assert refused.exit_code == 2
    assert says in refused.stderr


def test_the_commands_show_what_agents_token_holds(
    served: Served, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    del served
    seen: list[dict[str, str]] = []
    from http.client import HTTPConnection  # noqa: PLC0415  # what the client uses

    sent = HTTPConnection.request

    def noted(self: HTTPConnection, method: str, url: str, body: object, headers: dict[str, str]) -> None:
        seen.append(headers)
        sent(self, method, url, body, headers)  # type: ignore[arg-type]

    monkeypatch.setattr(HTTPConnection, "request", noted)
    monkeypatch.delenv("AGENTS_TOKEN", raising=False)
    assert agents("tasks").exit_code == 0
    monkeypatch.setenv("AGENTS_TOKEN", "agk_x")
    monkeypatch.setenv("APP_API_TOKEN", "app")
    assert agents("tasks").exit_code == 0
    assert "Authorization" not in seen[0]
    assert (seen[-1]["Authorization"], seen[-1]["dapr-api-token"]) == ("Bearer agk_x", "app")


@pytest.mark.parametrize("token", ["Bearer x", "x\n", "ä"])
def test_a_token_that_no_header_can_carry_is_not_sent_and_not_shown(
    served: Served, agents: Call, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    del served
    monkeypatch.setenv("AGENTS_TOKEN", token)
    refused = agents("tasks")
    assert refused.exit_code == 6
    assert "AGENTS_TOKEN holds blanks, line ends or other characters" in refused.stderr
    assert token not in refused.stderr


def test_the_audit_trail_says_who_did_what(served: Served, agents: Call) -> None:
    del served
    assert "nobody did anything that needs a privilege" in agents("audit").stdout
    agents("dead-letters", "drop", NOBODY, "--agent", "planner", "--reason", "a test")
    shown = agents("audit", "planner", "reader")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[0] == "agent when who act target given result"
    assert lines[1].startswith("planner ")
    assert lines[1].endswith(
        f'local dead-letters.drop {NOBODY} {{"reason":"a test"}} failed unknown_dead_letter'
    )
    (record,) = json.loads(agents("audit", "--limit", "600", "--json").stdout)
    assert (record["agent"], record["who"], record["number"]) == ("planner", "local", 0)


@pytest.mark.usefixtures("served")
def test_a_long_reason_is_broken_into_lines_and_leaves_the_rest_its_place(agents: Call) -> None:
    agents("dead-letters", "drop", NOBODY, "--agent", "planner", "--reason", "long " * 50)
    first = agents("audit", "planner").stdout.splitlines()[1]
    assert first.startswith("planner  ")
    assert f"local  dead-letters.drop  {NOBODY}  " in first
    assert first.endswith("failed unknown_dead_letter")


def test_who_asks_too_often_waits_for_a_turn(
    served: Served, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    del served
    refusals = iter([Refusal({"code": "too_many_requests", "message": "often"}, 429, str)] * 3)
    ask = AgentClient._call_any

    def busy(self: AgentClient, *words: Any, **options: Any) -> Any:
        if (refusal := next(refusals, None)) is not None:
            raise refusal
        return ask(self, *words, **options)

    monkeypatch.setattr(client, "PAUSE", 0.0)
    monkeypatch.setattr(AgentClient, "_call_any", busy)
    assert agents("tasks").exit_code == 0
    assert next(refusals, None) is None


def test_an_agent_that_is_not_there_has_no_trail(served: Served, agents: Call) -> None:
    served.stop("reader")
    told = agents("audit")
    assert told.exit_code == 4
    assert "reader does not answer" in told.stderr
    assert agents("audit", "reader").exit_code == 3
    assert agents("audit", "nobody").exit_code == 9
