"""The model's answer as it forms."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from cli.answering import Forming, PlainText, json_lines, partial_lines

CALL = {"prompt": "triage", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ('{"cat', []),
        ('{"category": "netw', ["category: netw"]),
        ('{"category": "network", "steps": ["restart", "ask', ["category: network", "steps:", "  - restart", "  - ask"]),
        ("Plain text\nof two lines", ["Plain text", "of two lines"]),
        ('{"title": "\\u001b[31mred', ["title: \\x1b[31mred"]),
    ],
)  # fmt: skip
def test_json_is_shown_as_far_as_it_goes_and_commands_no_terminal(text: str, lines: list[str]) -> None:
    assert [line.plain for line in partial_lines(text) if line.plain not in {"–", ""}] == lines


def test_in_a_file_a_second_answer_is_told_apart_from_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    show = PlainText()
    show("call", CALL)
    show("token", {"text": '{"no'})
    show("usage", {"model": "m", "input_tokens": 1, "output_tokens": 2})
    show("call", CALL)
    show("token", {"text": "{}"})
    assert capsys.readouterr().out == '{"no\n--- triage 1.0.0 is asked: a new answer\n{}'


def test_for_programs_each_event_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    json_lines("call", CALL)
    json_lines("token", {"text": "{}"})
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"call": CALL},
        {"token": "{}"},
    ]


def test_on_a_terminal_an_answer_in_vain_gives_way_to_the_next() -> None:
    show = Forming()
    for name, data in [
        ("call", CALL),
        ("token", {"text": '{"a": 1'}),
        ("call", CALL),
        ("token", {"text": '{"b": 2'}),
    ]:
        show(name, data)
    terminal = Console(width=80, height=20)
    with terminal.capture() as shown:
        terminal.print(show)
    assert shown.get().splitlines() == ["triage 1.0.0 is asked", "b: 2"]
