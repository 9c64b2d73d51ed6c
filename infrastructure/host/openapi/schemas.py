"""The JSON schemas of what every agent answers, whatever it does."""

from __future__ import annotations

from domain.event import Event
from domain.execution import DeadLetter
from domain.json import JsonObject
from infrastructure.host.openapi.prompt_schemas import PROMPT, PROMPT_SCHEMAS
from infrastructure.host.openapi.shapes import ANY, COUNT, NUMBER_OR_NULL, TEXT, list_of, object_of, or_null

_FAILURE = object_of({"code": TEXT, "message": TEXT, "details": {"type": "object"}})
_IDENTITY = {"execution_id": TEXT, "correlation_id": TEXT, "agent": TEXT, "task": TEXT}
_USAGE = object_of({"input_tokens": COUNT, "output_tokens": COUNT})
_TRIGGER = {"causation_id": or_null(TEXT), "trigger_source": TEXT, "trigger_key": TEXT}
_HISTORY = list_of(
    object_of(
        {"owner": TEXT},
        {name: or_null(TEXT) for name in ("version", "started_at", "ended", "ended_at")},
    )
)
_STORY = {
    "history": _HISTORY,
    "published_at": or_null(TEXT),
    "undeliverable": list_of(TEXT),
    "unapplied": list_of(TEXT),
    "waits_for": or_null(TEXT),
    "replay_of": or_null(TEXT),
}
_DEAD_LETTER = DeadLetter.model_json_schema(mode="serialization")

_RESULT = object_of(
    {
        "status": {"enum": ["completed", "failed"]},
        "output": ANY,
        "events": list_of(object_of({"type": TEXT, "data": ANY})),
        "error": or_null(_FAILURE),
        "prompt": or_null(object_of({**PROMPT, "content_hash": TEXT})),
        "model": or_null(TEXT),
        "usage": _USAGE,
        "cost": NUMBER_OR_NULL,
        "duration_ms": {"type": "number", "minimum": 0},
    }
)
_SPENT_COUNTS = ("calls", "answers_from_cache", "input_tokens", "cached_tokens", "output_tokens")

SCHEMAS: JsonObject = {
    "Trial": object_of(
        {"execution_id": TEXT, "agent": TEXT, "task": TEXT, "recorded": _RESULT, "tried": _RESULT}
    ),
    "Error": object_of(
        {
            "error": object_of(
                {**_FAILURE["properties"], "timestamp": {"type": "string", "format": "date-time"}}
            )
        }
    ),
    "Accepted": object_of({**_IDENTITY, "status": {"const": "accepted"}}),
    "Result": object_of(
        {
            **_IDENTITY,
            "status": {"const": "completed"},
            "output": {"type": "object"},
            "events": list_of(object_of({"id": TEXT, "type": TEXT})),
            "prompt": or_null(object_of(PROMPT)),
            "model": or_null(TEXT),
            "usage": _USAGE,
            "cost": or_null({"type": "number", "minimum": 0}),
            "duration_ms": {"type": "number", "minimum": 0},
            "replayed": {"type": "boolean"},
        }
    ),
    "Execution": {
        "oneOf": [
            object_of(
                {
                    **_IDENTITY,
                    **_TRIGGER,
                    "status": {"enum": ["completed", "failed"]},
                    "attempts": COUNT,
                    "prompt": or_null(object_of({**PROMPT, "content_hash": TEXT}, {"split": or_null(TEXT)})),
                    "model": or_null(TEXT),
                    "usage": _USAGE,
                    "cost": or_null({"type": "number", "minimum": 0}),
                    "output": ANY,
                    "events": list_of({"$ref": "#/components/schemas/CloudEvent"}),
                    "changes": list_of(
                        object_of({"entity": TEXT, "function": TEXT, "arguments": {"type": "object"}})
                    ),
                    "error": or_null(_FAILURE),
                    "started_at": TEXT,
                    "completed_at": TEXT,
                    "duration_ms": {"type": "number", "minimum": 0},
                    **_STORY,
                }
            ),
            object_of(
                {
                    **_IDENTITY,
                    **_TRIGGER,
                    "status": {"enum": ["running", "waiting"]},
                    "started_at": TEXT,
                    "attempts": COUNT,
                    **_STORY,
                }
            ),
        ]
    },
    "CloudEvent": Event.model_json_schema(mode="serialization"),
    "DeadLetter": _DEAD_LETTER,
    "DeadLetters": object_of(
        {"dead_letters": list_of({"$ref": "#/components/schemas/DeadLetter"}), "next": or_null(TEXT)}
    ),
    "DeadLetterWhole": {
        "allOf": [
            {"$ref": "#/components/schemas/DeadLetter"},
            object_of(
                {
                    "correlation_id": or_null(TEXT),
                    "causation_id": or_null(TEXT),
                    "replay_of": or_null(TEXT),
                    "error": or_null(_FAILURE),
                    "prompt": or_null(object_of({**PROMPT, "content_hash": TEXT})),
                    "history": _HISTORY,
                    "original": ANY,
                }
            ),
        ]
    },
    "Replayed": object_of({"execution_id": TEXT, "replay_of": TEXT}),
    "Audit": object_of(
        {
            "agent": TEXT,
            "audit": list_of(
                object_of(
                    {
                        "number": COUNT,
                        **dict.fromkeys(("id", "at", "who", "act", "target"), TEXT),
                        "given": or_null(TEXT),
                        "roles": list_of(TEXT),
                        "result": {"enum": ["begun", "done", "failed"]},
                        "error": or_null(TEXT),
                        "ended_at": or_null(TEXT),
                    }
                )
            ),
            "next": or_null(TEXT),
        }
    ),
    "Costs": object_of(
        {
            "agent": TEXT,
            "counted": {"type": "boolean"},
            "since": {"type": "string", "format": "date"},
            "currency": or_null(TEXT),
            "costs": list_of(
                object_of(
                    {
                        **dict.fromkeys(("day", "task", "model"), TEXT),
                        **dict.fromkeys(_SPENT_COUNTS, COUNT),
                        "cost": {"type": "number", "minimum": 0},
                    }
                )
            ),
        }
    ),
    "Correlation": object_of({"executions": list_of(TEXT)}),
    "Tasks": object_of(
        {
            "agent": TEXT,
            "tasks": list_of(
                object_of(
                    {
                        "name": TEXT,
                        "description": TEXT,
                        "input": {"type": "object"},
                        "examples": list_of(ANY),
                        "reacts_to": list_of(TEXT),
                    }
                )
            ),
        }
    ),
    **PROMPT_SCHEMAS,
    "Alive": object_of({"status": {"const": "alive"}}),
    "Readiness": object_of(
        {
            "status": {"enum": ["ready", "not ready"]},
            "checks": {"type": "object", "additionalProperties": TEXT},
        }
    ),
}
