"""Which questions count as the same but for the wording of their texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.chat import ChatRequest, Message
from domain.json import JsonObject
from infrastructure.llm.cache.question import MOST, PIECE, question_of
from tests.unit.llm.asking import asked_by


def asked(
    untrusted: JsonObject | None = None, rules: str = "You triage tickets.", **values: Any
) -> ChatRequest:
    """As the prompt of a ticket is rendered."""
    values = {"title": "VPN is down", "description": "It drops every minute.", "impact": "team", **values}
    text = f"<title>{values['title']}</title>\n{values['description']}\nHit by it: {values['impact']}"
    messages = (Message("system", rules), Message("user", text))
    return replace(asked_by(), messages=messages, untrusted=values if untrusted is None else untrusted)


def same(request: ChatRequest) -> str:
    question = question_of(request)
    assert question is not None
    return question.same


def test_texts_are_compared_in_the_order_of_the_input_and_may_be_worded_otherwise() -> None:
    question = question_of(asked())
    assert question is not None
    assert question.pieces == ("VPN is down", "It drops every minute.")
    assert same(asked(title="The VPN fails", description="Each minute it is gone!")) == question.same


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": "You triage letters."},
        {"impact": "company"},  # a choice: a single word
        {"title": "VPN"},
        {"description": ""},
        {"title": "It drops every minute.", "description": "VPN is down", "impact": "person"},
    ],
)
def test_all_else_must_be_equal(changed: dict[str, Any]) -> None:
    assert same(asked(**changed)) != same(asked())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cancel order 4711 please.", "Cancel order 4712 please."),
        ("Cancel order A-17 please.", "Cancel order B-17b please."),
        ("Move it from 10 to 11.", "Move it from 11 to 10."),
        ("Pay 1,190.00 EUR now.", "Pay 1,190.50 EUR now."),
        ("It fails since 14:05 today.", "It fails since today."),
        ("Zahle ٣ Euro bitte.", "Zahle ٤ Euro bitte."),
    ],
)
def test_a_number_is_never_nearly_the_same(one: str, other: str) -> None:
    assert same(asked(description=one)) != same(asked(description=other))


def test_a_text_that_stands_where_another_did_is_another_question() -> None:
    swapped = asked(title="It drops every minute.", description="VPN is down")
    question = question_of(swapped)
    assert question is not None
    assert question.pieces == ("It drops every minute.", "VPN is down")
    twice = asked(title="It drops every minute.")
    assert same(twice) != same(asked())


def test_texts_in_lists_and_objects_are_found_as_prompts_write_them() -> None:
    def listed(finding: str, line: int) -> ChatRequest:
        findings = [{"what": finding, "line": line}]
        text = f'[{{"what":"{finding}","line":{line}}}]'.replace("\n", "\\n")
        return replace(asked({"findings": findings}), messages=(Message("user", text),))

    one = question_of(listed("a loop\nwithout end", 7))
    assert one is not None
    assert one.pieces == ("a loop without end",)
    assert same(listed("an endless\nloop", 7)) == one.same
    assert same(listed("an endless\nloop", 8)) != one.same


def test_a_long_text_is_compared_piece_by_piece_since_small_models_read_its_beginning_alone() -> None:
    question = question_of(asked(description="word " * 200))
    assert question is not None
    assert [len(piece) <= PIECE for piece in question.pieces] == [True] * 4
    assert same(asked(description="word " * 300)) != question.same


@pytest.mark.parametrize(
    "request_",
    [
        asked(description="word " * (MOST * PIECE // 5 + 1)),
        asked({}),
        replace(asked(), untrusted=None),
        asked({"id": "4711", "impact": "team"}),  # no text
        asked({"unused": "stands in no message"}),
        replace(asked(), messages=(*asked().messages, Message("assistant", "{}"), Message("user", "No."))),
    ],
)
def test_what_cannot_be_compared_is_not(request_: ChatRequest) -> None:
    assert question_of(request_) is None
