from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from domain.prompt import Prompt
from infrastructure.memory.prompts import simple_prompt
from infrastructure.prompts.fit import fits


class Step(BaseModel):
    text: Annotated[str, Field(max_length=80)]
    minutes: Annotated[int, Field(ge=0, le=60)] | None = None


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    level: Literal["low", "high"]
    confidence: Annotated[float, Field(ge=0, le=1)]
    steps: Annotated[list[Step], Field(min_length=1, max_length=3)]
    note: str | None = None


GOOD = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "level", "confidence", "steps", "note"],
    "properties": {
        "title": {"type": "string", "maxLength": 40},
        "level": {"type": "string", "enum": ["low", "high"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "steps": {
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["text", "minutes"],
                "properties": {
                    "text": {"type": "string", "maxLength": 80},
                    "minutes": {"type": ["integer", "null"], "minimum": 0, "maximum": 60},
                },
            },
        },
        "note": {"type": ["string", "null"], "maxLength": 90},
    },
}


def asking(schema: dict[str, Any] | None) -> Prompt:
    return simple_prompt("plan", "Plan {{$goal}} by {{$day}}", output_schema=schema)


def test_a_prompt_fits_the_models_it_was_written_for() -> None:
    assert fits(asking(GOOD), {"goal", "day", "more"}, Plan.model_json_schema()) == []


def test_a_variable_without_a_field_is_named() -> None:
    assert fits(asking(GOOD), {"goal", "date"}, Plan.model_json_schema()) == [
        "plan 1.0.0: the variable day has no field to fill it (there are date, goal)"
    ]


def test_free_text_does_not_fit_a_model() -> None:
    assert fits(asking(None), {"goal", "day"}, Plan.model_json_schema()) == [
        "plan 1.0.0: the prompt has no output_variable.json_schema, but the agent expects an object"
    ]


@pytest.mark.parametrize(
    ("good", "changed", "expected"),
    [
        (
            '"title": {"type": "string"',
            '"name": {"type": "string"',
            "answer.title may be missing, the model requires it",
        ),
        (
            '"title": {"type": "string"',
            '"name": {"type": "string"',
            "answer.name is unknown to the model (it has title, level, confidence, steps, note)",
        ),
        ('["title", ', "[", "answer.title may be missing, the model requires it"),
        (
            '"title": {"type": "string"',
            '"title": {"type": "integer"',
            "answer.title may be integer, the model wants string",
        ),
        (
            '"title": {"type": "string"',
            '"title": {"type": ["string", "null"]',
            "answer.title may be null, the model wants string",
        ),
        (
            '"note": {"type": ["string", "null"]',
            '"note": {"type": ["boolean", "null"]',
            "answer.note may be boolean, the model wants null or string",
        ),
        (
            '["low", "high"]',
            '["low", "mid", "high"]',
            "answer.level may be mid, the model wants one of low, high",
        ),
        (
            '"enum": ["low", "high"]',
            '"maxLength": 9',
            "answer.level may be any string, the model wants one of low, high",
        ),
        ('["low", "high"]', '["low", null]', "answer.level may be null, the model wants string"),
        ('"maxItems": 3', '"maxItems": 4', "answer.steps has maxItems 4, the model has 3"),
        ('"minItems": 1, ', "", "answer.steps has no minItems, the model has 1"),
        ('"maxLength": 80', '"maxLength": 99', "answer.steps[].text has maxLength 99, the model has 80"),
        ('"maximum": 60', '"maximum": 61', "answer.steps[].minutes has maximum 61, the model has 60"),
        ('"maximum": 1}', '"maximum": 2}', "answer.confidence has maximum 2, the model has 1"),
        (
            '"minimum": 0, "maximum": 1}',
            '"maximum": 1}',
            "answer.confidence has no minimum, the model has 0",
        ),
    ],
)
def test_an_answer_that_the_model_would_refuse_is_named(good: str, changed: str, expected: str) -> None:
    text = json.dumps(GOOD)
    assert good in text
    schema = json.loads(text.replace(good, changed, 1))
    assert f"plan 1.0.0: {expected}" in fits(asking(schema), {"goal", "day"}, Plan.model_json_schema())


def test_a_narrower_answer_fits() -> None:
    text = json.dumps(GOOD).replace('["low", "high"]', '["low"]').replace('"maxItems": 3', '"maxItems": 1')
    text = text.replace('"type": "number"', '"type": "integer"').replace(
        '{"type": ["string", "null"]', '{"type": "null"'
    )
    assert fits(asking(json.loads(text)), {"goal", "day"}, Plan.model_json_schema()) == []


def test_open_bounds_and_maps_of_the_model_are_compared() -> None:
    class Price(BaseModel):
        amount: Annotated[float, Field(gt=0, lt=10)]
        notes: dict[str, int]

    schema = {
        "type": "object",
        "required": ["amount", "notes"],
        "properties": {
            "amount": {"type": "number", "minimum": 0, "maximum": 10},
            "notes": {"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}}},
        },
    }
    assert fits(simple_prompt("p", "x", output_schema=schema), set(), Price.model_json_schema()) == [
        "p 1.0.0: answer.amount may be 0 or less, the model wants more",
        "p 1.0.0: answer.amount may be 10 or more, the model wants less",
        "p 1.0.0: answer.notes.a may be boolean, the model wants integer",
    ]
