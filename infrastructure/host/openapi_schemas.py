"""The JSON schemas of what every agent answers, whatever it does."""

from __future__ import annotations

from typing import Any

from domain.event import Event
from domain.execution import DeadLetter
from domain.json import JsonObject
from domain.rollout import TakenBack

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
_PROMPT_STATE = {
    "state": {"enum": ["draft", "released", "deprecated"]},
    "served": {"type": "boolean"},
    "because": _or_null(_TEXT),
}
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
_NUMBER_OR_NULL = _or_null({"type": "number"})
_ENDS = {"low": _NUMBER_OR_NULL, "high": _NUMBER_OR_NULL}
_RATE = _object({"count": _COUNT, "of": _COUNT, "rate": _NUMBER_OR_NULL, **_ENDS})
_MEAN = _object({"n": _COUNT, "mean": _NUMBER_OR_NULL, **_ENDS})
_FIGURES = _object(
    {
        "executions": _COUNT,
        **dict.fromkeys(("valid", "repaired", "failed"), _RATE),
        "failed_otherwise": _COUNT,
        **dict.fromkeys(("seconds", "input_tokens", "output_tokens", "cost", "feedback"), _MEAN),
    }
)
_SPLIT = _object(
    {
        "revision": _COUNT,
        "baseline": _TEXT,
        "shares": {"type": "object", "additionalProperties": _COUNT},
        "dearer": _COUNT,
        "label": _TEXT,
        "at": _TEXT,
    }
)
_FINDING = _object(
    {
        "criterion": {"enum": ["failures", "validity", "cost"]},
        **{key: {"type": "number"} for key in ("candidate", "baseline", "evidence", "needed")},
        "because": _TEXT,
        "worse": {"type": "boolean"},
    }
)
_VERSION = _object(
    {
        "version": _TEXT,
        "state": {"enum": ["draft", "released", "deprecated", "unknown"]},
        "share": _COUNT,
        "evaluation": _NUMBER_OR_NULL,
        "total": _FIGURES,
        "experiment": _or_null(_FIGURES),
        "comparison": _or_null(_object({"worse": _list(_TEXT), "findings": _list(_FINDING)})),
        "taken_back": _list(TakenBack.model_json_schema(mode="serialization")),
    }
)
_DEAD_LETTER = DeadLetter.model_json_schema(mode="serialization")

_RESULT = _object(
    {
        "status": {"enum": ["completed", "failed"]},
        "output": _ANY,
        "events": _list(_object({"type": _TEXT, "data": _ANY})),
        "error": _or_null(_FAILURE),
        "prompt": _or_null(_object({**_PROMPT, "content_hash": _TEXT})),
        "model": _or_null(_TEXT),
        "usage": _USAGE,
        "cost": _NUMBER_OR_NULL,
        "duration_ms": {"type": "number", "minimum": 0},
    }
)
_SPENT_COUNTS = ("calls", "answers_from_cache", "input_tokens", "cached_tokens", "output_tokens")

SCHEMAS: JsonObject = {
    "Trial": _object(
        {"execution_id": _TEXT, "agent": _TEXT, "task": _TEXT, "recorded": _RESULT, "tried": _RESULT}
    ),
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
                    "prompt": _or_null(
                        _object({**_PROMPT, "content_hash": _TEXT}, {"split": _or_null(_TEXT)})
                    ),
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
    "Audit": _object(
        {
            "agent": _TEXT,
            "audit": _list(
                _object(
                    {
                        "number": _COUNT,
                        **dict.fromkeys(("id", "at", "who", "act", "target"), _TEXT),
                        "roles": _list(_TEXT),
                        "result": {"enum": ["begun", "done", "failed"]},
                        "error": _or_null(_TEXT),
                        "ended_at": _or_null(_TEXT),
                    }
                )
            ),
            "next": _or_null(_TEXT),
        }
    ),
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
                        "name": _TEXT,
                        "version": _or_null(_TEXT),
                        "hash": _or_null(_TEXT),
                        "description": _TEXT,
                        "variables": _list(_TEXT),
                        "max_tokens": _or_null(_COUNT),
                        "versions": _list(_object({"version": _TEXT, **_PROMPT_STATE})),
                    }
                )
            )
        }
    ),
    "SplitOf": _object({"prompt": _TEXT, "split": _or_null(_SPLIT)}),
    "Stats": _object(
        {
            "agent": _TEXT,
            "prompt": _TEXT,
            "baseline": _TEXT,
            "split": _or_null(_SPLIT),
            "versions": _list(_VERSION),
        }
    ),
    "Feedback": _object(
        {"execution_id": _TEXT, "by": _TEXT, "score": {"type": "number"}, "at": _TEXT}, {"comment": _TEXT}
    ),
    "Prompt": _object(
        {
            **_PROMPT,
            **_PROMPT_STATE,
            "hash": _TEXT,
            "description": _TEXT,
            "template_format": {"enum": ["semantic-kernel", "jinja2"]},
            "template": _TEXT,
            "variables": _list(
                _object(
                    {
                        "name": _TEXT,
                        "description": _TEXT,
                        "required": {"type": "boolean"},
                        "default": _or_null(_TEXT),
                    }
                )
            ),
            "settings": {"type": "object"},
            "output_schema": _or_null({"type": "object"}),
            "source": _TEXT,
        }
    ),
    "PromptDiff": _object(
        {
            "name": _TEXT,
            "from": _TEXT,
            "to": _TEXT,
            "changes": _list(
                _object(
                    {
                        "kind": {"enum": ["variables", "schema", "settings", "structure", "wording"]},
                        "step": {"enum": ["patch", "minor", "major"]},
                        "text": _TEXT,
                    }
                )
            ),
            "step": _or_null({"enum": ["patch", "minor", "major"]}),
            "least_version": _or_null(_TEXT),
            "template_diff": _TEXT,
        }
    ),
    "RenderedPrompt": _object(
        {"messages": _list(_object({"role": {"enum": ["system", "user", "assistant"]}, "content": _TEXT}))}
    ),
    "Alive": _object({"status": {"const": "alive"}}),
    "Readiness": _object(
        {
            "status": {"enum": ["ready", "not ready"]},
            "checks": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
}
