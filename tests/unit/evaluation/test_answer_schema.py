"""Our reader of bounded schemas agrees with a whole implementation of JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.evaluation.answer_schema import misfits

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "items", "count", "note"],
    "properties": {
        "kind": {"type": "string", "enum": ["a", "b", "1"]},
        "items": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "minLength": 1, "maxLength": 2}},
        "count": {"type": "integer", "minimum": 0, "maximum": 10},
        "note": {"type": ["string", "null"], "maxLength": 3},
    },
}  # fmt: skip
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

scalars = st.none() | st.booleans() | st.integers(-2, 12) | st.floats(-2, 12) | st.text("ab1", max_size=4)
fields = {
    "kind": st.sampled_from(["a", "b", "1", "c"]) | scalars,
    "items": st.lists(st.text("ab", max_size=3) | scalars, max_size=3) | scalars,
    "count": st.integers(-1, 11) | scalars,
    "note": scalars,
}
near = st.fixed_dictionaries(fields, optional={"more": scalars}) | st.dictionaries(
    st.sampled_from(list(fields)), scalars
)


@given(near | scalars | st.lists(scalars, max_size=2))
def test_it_finds_a_misfit_exactly_where_json_schema_does(value: Any) -> None:
    assert (list(misfits(value, SCHEMA)) == []) == VALIDATOR.is_valid(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], ["answer is array, wanted is object"]),
        ({"kind": "a", "items": ["x"], "count": 1}, ["answer.note is missing"]),
        (
            {"kind": "z", "items": [], "count": 11, "note": "long", "more": 1},
            [
                "answer.kind is z, wanted is one of a, b, 1",
                "answer.items has 0 items, at least 1 are wanted",
                "answer.count is 11, at most 10 is wanted",
                "answer.note has 4 characters, at most 3 are wanted",
                "answer.more is not wanted",
            ],
        ),
        (
            {"kind": "a", "items": ["abc"], "count": -1, "note": None},
            [
                "answer.items[0] has 3 characters, at most 2 are wanted",
                "answer.count is -1, at least 0 is wanted",
            ],
        ),
    ],
)
def test_every_misfit_is_said_with_its_place(value: Any, said: list[str]) -> None:
    assert list(misfits(value, SCHEMA)) == said
