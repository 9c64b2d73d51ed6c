"""What OpenAPI says of an agent: typed bodies from its tasks, headers, results, errors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agents.runtime.agent import Agent, Task
from domain.json import JsonObject

_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_MEANINGS = {
    400: "Malformed body or header.",
    404: "Unknown task or execution.",
    409: "The idempotency key was used before with another input.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "The input does not fit, or can never work; `details.errors` names each field.",
    429: "The model is rate limited; the request is kept.",
    500: "A bug; the log has it.",
    502: "The model's answer could not be used.",
    503: "Something is down or busy; Retry-After says when to ask again, `details.kept` whether the request is kept.",
    504: "The model or the task took too long.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": _ERROR} for status, meaning in _MEANINGS.items()
}
_RESULT = {"application/json": {"schema": {"$ref": "#/components/schemas/Result"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The outcome.", "content": _RESULT},
    202: {
        "description": "Accepted: the work is safe with the broker. Location says where its record will be.",
        "headers": {
            "Location": {"schema": {"type": "string"}},
            "Retry-After": {"schema": {"type": "integer"}},
        },
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}},
    },
    **ERRORS,
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `token` {text}, then one `result` or `error`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **ERRORS,
}
_HEADER = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
_HEADERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": _HEADER,
        "description": "The same key with the same input is the same execution: it runs once, and is answered again.",
    },
    {
        "name": "X-Correlation-ID",
        "in": "header",
        "schema": _HEADER,
        "description": "Stays the same along the whole chain; `agents chain` finds it.",
    },
    {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "description": "`respond-async` answers 202 as soon as the work is safe.",
    },
]
_TEXT = {"type": "string"}
_SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "details", "timestamp"],
                "properties": {
                    "code": _TEXT,
                    "message": _TEXT,
                    "details": {"type": "object"},
                    "timestamp": {"type": "string", "format": "date-time"},
                },
            }
        },
    },
    "Accepted": {
        "type": "object",
        "required": ["execution_id", "correlation_id", "agent", "task", "status"],
        "properties": dict.fromkeys(("execution_id", "correlation_id", "agent", "task", "status"), _TEXT),
    },
    "Result": {
        "type": "object",
        "required": ["execution_id", "correlation_id", "agent", "task", "status", "output", "events", "replayed"],
        "properties": {
            "execution_id": _TEXT,
            "correlation_id": _TEXT,
            "agent": _TEXT,
            "task": _TEXT,
            "status": {"type": "string", "enum": ["completed"]},
            "output": {"type": "object"},
            "events": {
                "type": "array",
                "items": {"type": "object", "properties": {"id": _TEXT, "type": _TEXT}, "required": ["id", "type"]},
            },
            "prompt": {"type": ["object", "null"], "properties": {"name": _TEXT, "version": _TEXT}},
            "model": {"type": ["string", "null"]},
            "usage": {
                "type": "object",
                "properties": {"input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}},
            },
            "duration_ms": {"type": "number"},
            "replayed": {"type": "boolean"},
        },
    },
}  # fmt: skip


def install(app: FastAPI, agent: Agent) -> None:
    """Serve a document whose components hold each task's input model."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components |= _SCHEMAS
            for task in agent.tasks.values():
                inputs = task.input.model_json_schema(ref_template="#/components/schemas/{model}")
                components |= inputs.pop("$defs", {})
                components[task.input.__name__] = inputs
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def task(task: Task) -> JsonObject:
    return _operation({"$ref": f"#/components/schemas/{task.input.__name__}"})


def execute(agent: Agent) -> JsonObject:
    names = list(agent.tasks)
    return _operation(
        {
            "type": "object",
            "required": ["task", "input"],
            "additionalProperties": False,
            "properties": {"task": {"type": "string", "enum": names}, "input": {"type": "object"}},
        }
    )


def describe(task: Task) -> JsonObject:
    """A task as `GET /tasks` and the command line show it."""
    schema = task.input.model_json_schema()
    return {
        "name": task.name,
        "description": task.description,
        "input": schema,
        "examples": schema.get("examples", []),
        "reacts_to": [reaction.event.event_type for reaction in task.reactions],
    }


def _operation(schema: JsonObject) -> JsonObject:
    return {
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }
