"""What a route takes besides its path: parameters, headers, a body."""

from __future__ import annotations

from domain.json import JsonObject
from infrastructure.host.openapi.inputs import Inputs
from infrastructure.host.openapi.shapes import JSON

_TOKEN = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
_HEADERS = [
    {
        "name": name,
        "in": "header",
        "schema": schema,
        "description": meaning,
    }
    for name, schema, meaning in (
        (
            "Idempotency-Key",
            _TOKEN,
            "The same key with the same input is the same execution: it runs once, and is answered again.",
        ),
        ("X-Correlation-ID", _TOKEN, "Stays the same along the whole chain; `agents chain` finds it."),
        ("Prefer", {"type": "string"}, "`respond-async` answers 202 as soon as the work is safe."),
        ("traceparent", {"type": "string"}, "W3C Trace Context; an invalid one counts as none."),
    )
]
FILTERS: JsonObject = {
    "parameters": [
        {"name": name, "in": "query", "schema": schema, "description": meaning}
        for name, schema, meaning in (
            (
                "state",
                {"enum": ["open", "replayed", "dropped", "all"], "default": "open"},
                "What became of it.",
            ),
            ("cause", {"type": "string"}, "The error's code."),
            ("task", {"type": "string"}, "The task that failed."),
            ("type", {"type": "string"}, "The type of the event that failed."),
            ("after", {"type": "string", "format": "date-time"}, "Seen at this time or later."),
            ("before", {"type": "string", "format": "date-time"}, "Seen earlier."),
            ("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "Letters on a page."),
            ("cursor", {"type": "string"}, "What `next` of the page before said."),
        )
    ]
}
AUDIT_PAGE: JsonObject = {
    "parameters": [
        {"name": name, "in": "query", "schema": schema, "description": meaning}
        for name, schema, meaning in (
            ("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "Records on a page."),
            ("cursor", {"type": "string"}, "What `next` of the page before said."),
        )
    ]
}
AGAINST: JsonObject = {
    "parameters": [
        {
            "name": "against",
            "in": "query",
            "schema": {"type": "string"},
            "description": "The version it is compared with; without it the one that is served.",
        }
    ]
}
VALUES: JsonObject = {
    "requestBody": {
        "required": True,
        "description": "A value for each variable.",
        "content": {JSON: {"schema": {"type": "object"}}},
    }
}
SINCE: JsonObject = {
    "parameters": [
        {
            "name": "since",
            "in": "query",
            "required": False,
            "description": "The first day (UTC); without it, the last seven.",
            "schema": {"type": "string", "format": "date"},
        }
    ]
}


def _body(required: JsonObject, optional: JsonObject | None = None) -> JsonObject:
    schema = {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {**required, **(optional or {})},
    }
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


DROP = _body({"reason": {"type": "string", "minLength": 1, "maxLength": 500}})
TRIAL = _body(
    {},
    {
        "prompts": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Versions of prompts, by name, in place of those in use.",
        },
        "model": {
            "type": "string",
            "minLength": 1,
            "description": "A model of the file of models, or without one another of the same provider.",
        },
    },
)
_SHARES = {
    "type": "object",
    "description": "Per cent by version; together 100.",
    "minProperties": 1,
    "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 100},
}
SPLIT_ORDER = _body(
    {"shares": _SHARES},
    {"dearer": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 25}},
)
PROMOTION = _body({"version": {"type": "string"}})
ROLLBACK = _body({}, {"because": {"type": "string", "minLength": 1, "maxLength": 500}})
FEEDBACK = _body(
    {"score": {"type": "number", "minimum": 0, "maximum": 1}},
    {
        "comment": {"type": "string", "maxLength": 2000},
        "by": {"type": "string", "minLength": 1, "maxLength": 100, "default": "anonymous"},
    },
)


def task(schema: JsonObject) -> JsonObject:
    return {
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
    }


def execute(given: Inputs) -> JsonObject:
    return task(
        {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["task", "input"],
                    "additionalProperties": False,
                    "properties": {"task": {"type": "string", "const": name}, "input": schema},
                }
                for name, schema in given.schemas.items()
            ]
        }
    )
