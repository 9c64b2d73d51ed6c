"""The JSON schemas of what every agent answers, whatever it does."""

from __future__ import annotations

from typing import Any

from domain.event import Event
from domain.execution import DeadLetter
from domain.json import JsonObject

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_ANY: JsonObject = {}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> JsonObject:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def _list(items: JsonObject) -> JsonObject:
    return {"type": "array", "items": items}


def _or_null(schema: JsonObject) -> JsonObject:
    return {"anyOf": [schema, {"type": "null"}]}


_FAILURE = _object({"code": _TEXT, "message": _TEXT, "details": {"type": "object"}})
_IDENTITY = {"execution_id": _TEXT, "correlation_id": _TEXT, "agent": _TEXT, "task": _TEXT}
_USAGE = _object({"input_tokens": _COUNT, "output_tokens": _COUNT})
_PROMPT = {"name": _TEXT, "version": _TEXT}
_TRIGGER = {"causation_id": _or_null(_TEXT), "trigger_source": _TEXT, "trigger_key": _TEXT}
_HISTORY = _list(
    _object(
        {"owner": _TEXT},
        {name: _or_null(_TEXT) for name in ("version", "started_at", "ended", "ended_at")},
    )
)
_STORY = {
    "history": _HISTORY,
    "published_at": _or_null(_TEXT),
    "undeliverable": _list(_TEXT),
    "unapplied": _list(_TEXT),
    "waits_for": _or_null(_TEXT),
    "replay_of": _or_null(_TEXT),
}
_DEAD_LETTER = DeadLetter.model_json_schema(mode="serialization")

_SPENT_COUNTS = ("calls", "answers_from_cache", "input_tokens", "cached_tokens", "output_tokens")

SCHEMAS: JsonObject = {
    "Error": _object(
        {"error": _object({**_FAILURE["properties"], "timestamp": {"type": "string", "format": "date-time"}})}
    ),
    "Accepted": _object({**_IDENTITY, "status": {"const": "accepted"}}),
    "Result": _object(
        {
            **_IDENTITY,
            "status": {"const": "completed"},
            "output": {"type": "object"},
            "events": _list(_object({"id": _TEXT, "type": _TEXT})),
            "prompt": _or_null(_object(_PROMPT)),
            "model": _or_null(_TEXT),
            "usage": _USAGE,
            "cost": _or_null({"type": "number", "minimum": 0}),
            "duration_ms": {"type": "number", "minimum": 0},
            "replayed": {"type": "boolean"},
        }
    ),
    "Execution": {
        "oneOf": [
            _object(
                {
                    **_IDENTITY,
                    **_TRIGGER,
                    "status": {"enum": ["completed", "failed"]},
                    "attempts": _COUNT,
                    "prompt": _or_null(_object({**_PROMPT, "content_hash": _TEXT})),
                    "model": _or_null(_TEXT),
                    "usage": _USAGE,
                    "cost": _or_null({"type": "number", "minimum": 0}),
                    "output": _ANY,
                    "events": _list({"$ref": "#/components/schemas/CloudEvent"}),
                    "changes": _list(
                        _object({"entity": _TEXT, "function": _TEXT, "arguments": {"type": "object"}})
                    ),
                    "error": _or_null(_FAILURE),
                    "started_at": _TEXT,
                    "completed_at": _TEXT,
                    "duration_ms": {"type": "number", "minimum": 0},
                    **_STORY,
                }
            ),
            _object(
                {
                    **_IDENTITY,
                    **_TRIGGER,
                    "status": {"enum": ["running", "waiting"]},
                    "started_at": _TEXT,
                    "attempts": _COUNT,
                    **_STORY,
                }
            ),
        ]
    },
    "CloudEvent": Event.model_json_schema(mode="serialization"),
    "DeadLetter": _DEAD_LETTER,
    "DeadLetters": _object(
        {"dead_letters": _list({"$ref": "#/components/schemas/DeadLetter"}), "next": _or_null(_TEXT)}
    ),
    "DeadLetterWhole": {
        "allOf": [
            {"$ref": "#/components/schemas/DeadLetter"},
            _object(
                {
                    "correlation_id": _or_null(_TEXT),
                    "causation_id": _or_null(_TEXT),
                    "replay_of": _or_null(_TEXT),
                    "error": _or_null(_FAILURE),
                    "prompt": _or_null(_object({**_PROMPT, "content_hash": _TEXT})),
                    "history": _HISTORY,
                    "original": _ANY,
                }
            ),
        ]
    },
    "Replayed": _object({"execution_id": _TEXT, "replay_of": _TEXT}),
    "Costs": _object(
        {
            "agent": _TEXT,
            "counted": {"type": "boolean"},
            "since": {"type": "string", "format": "date"},
            "currency": _or_null(_TEXT),
            "costs": _list(
                _object(
                    {
                        **dict.fromkeys(("day", "task", "model"), _TEXT),
                        **dict.fromkeys(_SPENT_COUNTS, _COUNT),
                        "cost": {"type": "number", "minimum": 0},
                    }
                )
            ),
        }
    ),
    "Correlation": _object({"executions": _list(_TEXT)}),
    "Tasks": _object(
        {
            "agent": _TEXT,
            "tasks": _list(
                _object(
                    {
                        "name": _TEXT,
                        "description": _TEXT,
                        "input": {"type": "object"},
                        "examples": _list(_ANY),
                        "reacts_to": _list(_TEXT),
                    }
                )
            ),
        }
    ),
    "Prompts": _object(
        {
            "prompts": _list(
                _object(
                    {
                        **_PROMPT,
                        "hash": _TEXT,
                        "description": _TEXT,
                        "variables": _list(_TEXT),
                        "max_tokens": _COUNT,
                    }
                )
            )
        }
    ),
    "Alive": _object({"status": {"const": "alive"}}),
    "Readiness": _object(
        {
            "status": {"enum": ["ready", "not ready"]},
            "checks": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
}
