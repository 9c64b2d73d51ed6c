"""What the parser takes and refuses: nothing passes that could not be written again."""

from __future__ import annotations

import json

import pytest

from domain.json import dump, parse


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1e400", "larger than a double"),
        ("9" * 250 + ".5E99", "larger than a double"),
        ('{"a":[{"b":-1e400}]}', "larger than a double"),
        ("NaN", "line 1"),
        ("-Infinity", "line 1"),
        ("9" * 4301, "out of range"),
        ('"\\ud800"', "line 1"),
        ('"\\u0000"', "NUL"),
        ('{"\\u0000":1}', "NUL"),
        ("[" * 300, "recursion"),
        ("", "EOF"),
    ],
)
def test_what_could_not_be_written_again_is_refused(text: str, says: str) -> None:
    for raw in (text, text.encode()):
        with pytest.raises(ValueError, match=says):
            parse(raw)


@pytest.mark.parametrize(
    "text", ["1.7976931348623157e308", "5e-324", "-0.0", "9" * 4300, '"\\\\u0000"', "[" * 199 + "]" * 199]
)
def test_what_is_taken_can_be_written_again(text: str) -> None:
    value = parse(text)
    assert parse(dump(value)) == value
    assert json.loads(json.dumps(value)) == value


def test_values_are_counted_where_a_bound_is_given() -> None:
    text = '[1,"a",{"b":[null,2.5]}]'
    assert parse(text, max_values=7) == [1, "a", {"b": [None, 2.5]}]
    with pytest.raises(ValueError, match="it holds 7 values, 6 are allowed"):
        parse(text, max_values=6)
