from __future__ import annotations

from typing import Any

import pytest

from domain.chat import ChatReply, ChatRequest, Message, Usage
from domain.errors import ModelAnswerInvalid, ModelRefused, ModelTruncated
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.schema_answer import schema_answer

REQUEST = ChatRequest(messages=(Message("user", "Hello you"),), max_tokens=20)


async def test_a_list_answers_in_order_and_remembers_what_was_asked() -> None:
    model = ScriptedModel(["one", ChatReply("two", "gpt", Usage(3, 4)), ModelRefused("no")])
    assert await model.complete(REQUEST) == ChatReply("one", "scripted", Usage(3, 1))
    assert await model.complete(REQUEST) == ChatReply("two", "gpt", Usage(3, 4))
    with pytest.raises(ModelRefused):
        await model.complete(REQUEST)
    assert model.requests == [REQUEST, REQUEST, REQUEST]


async def test_a_list_that_is_used_up_fails_the_test() -> None:
    model = ScriptedModel([])
    with pytest.raises(AssertionError, match="the script holds 0 answers, and was asked for one more"):
        await model.complete(REQUEST)


async def test_a_function_answers_by_the_request() -> None:
    def script(request: ChatRequest) -> str | Exception:
        return request.messages[0].content.upper() if request.max_tokens == 20 else ModelAnswerInvalid("no")

    assert (await ScriptedModel(script).complete(REQUEST)).text == "HELLO YOU"


async def test_a_long_answer_is_truncated() -> None:
    with pytest.raises(ModelTruncated):
        await ScriptedModel(["x" * 81]).complete(REQUEST)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "minLength": 6}, "text.."),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "minimum": -3, "maximum": -1}, -1),
        ({"type": "integer", "exclusiveMinimum": 2}, 3),
        ({"type": "integer", "minimum": 1, "multipleOf": 5}, 5),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "minimum": 0.25}, 0.25),
        ({"type": "boolean"}, False),
        ({"type": ["string", "null"]}, "text"),
        ({"enum": ["high", "low"]}, "high"),
        ({"const": 7}, 7),
        ({"type": "array", "items": {"type": "integer"}}, [0]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        (
            {
                "type": "object",
                "properties": {"title": {"type": "string"}, "note": {}},
                "required": ["title"],
            },
            {"title": "title"},
        ),
        (
            {
                "$ref": "#/$defs/Case",
                "$defs": {"Case": {"properties": {"name": {"type": "string"}}, "required": ["name"]}},
            },
            {"name": "name"},
        ),
    ],
)
def test_the_answer_to_a_schema_is_small_and_fits_it(schema: dict[str, Any], value: object) -> None:
    assert schema_answer(schema) == value


def test_a_schema_inside_itself_ends() -> None:
    node = {
        "type": "object",
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        },
        "required": ["children", "next"],
    }
    assert schema_answer({"$ref": "#/$defs/Node", "$defs": {"Node": node}}) == {"children": [], "next": None}
