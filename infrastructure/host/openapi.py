"""What OpenAPI says of an agent: typed bodies from its tasks, headers, and every answer that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from agents.runtime.agent import DEAD_LETTERS, Agent, Task
from domain.json import JsonObject
from infrastructure.host.openapi_schemas import SCHEMAS

Responses = dict[int | str, dict[str, Any]]
_REF = "#/components/schemas/"
_JSON = "application/json"
_HTTP_VALIDATION = _REF + "HTTPValidationError"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _json(meaning: str, schema: str, headers: JsonObject | None = None) -> JsonObject:
    answer = {"description": meaning, "content": {_JSON: {"schema": {"$ref": _REF + schema}}}}
    return answer | ({"headers": headers} if headers else {})


def _errors(*statuses: int) -> Responses:
    waiting = {429, 503}
    return {s: _json(_MEANINGS[s], "Error", _RETRY_AFTER if s in waiting else None) for s in statuses}


def _sse(*events: str) -> JsonObject:
    """The schema of one event of a stream."""
    data = {"type": "string", "contentMediaType": _JSON}
    event = {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"enum": list(events)}, "data": data},
    }
    return {"text/event-stream": {"schema": event}}


_MEANINGS = {
    400: "Malformed body or header.",
    401: "The APP_API_TOKEN is missing or wrong.",
    403: "The agent listens on loopback, and was called by another name.",
    404: "There is none.",
    408: "The body did not come in time.",
    409: "The idempotency key was used before with another input.",
    413: "The body is too large, or what came of it.",
    415: "The body is not declared as JSON.",
    422: "The input does not fit, or can never work; `details.errors` names each field.",
    429: "The model is rate limited; the request is kept.",
    500: "A bug, or a document in the store that cannot be read; the log has it.",
    502: "The model's answer could not be used.",
    503: "Something is down or busy; Retry-After says when to ask again, `details.kept` whether the request is kept.",
    504: "The model or the task took too long.",
}
_READ = _errors(401, 403, 500, 503)
_STORED = _READ | _errors(404)
_POSTED = _READ | _errors(400, 408, 409, 413, 415, 422, 429, 502, 504)
UNKNOWN = _errors(404)
TASK: Responses = _POSTED | {
    200: _json("The outcome.", "Result"),
    202: _json(
        "Accepted: the work is safe with the broker. Location says where its record will be.",
        "Accepted",
        {"Location": {"schema": {"type": "string"}}, **_RETRY_AFTER},
    ),
}
STREAM: Responses = _POSTED | {
    200: {
        "description": (
            "Events `call` {prompt, version} whenever the model is asked, which makes the text before it void; `token` {text}; "
            "`usage` {model, input_tokens, output_tokens}; then one `result`, as the task answers without a stream (also "
            "when it is accepted and not yet done), or `error`. Lines that begin with a colon keep the connection."
        ),
        "content": _sse("call", "token", "usage", "result", "error"),
    },
}
EVENTS: Responses = _READ | {
    200: {
        "description": "Events `message` {direction, topic, at, event}, for as long as the caller stays.",
        "content": _sse("message"),
    },
}
EXECUTION: Responses = _STORED | {200: _json("The record, as far as it is known.", "Execution")}
LETTERS: Responses = (
    _READ
    | _errors(400)
    | {200: _json("A page of them, newest first; `next` is the cursor to go on from.", "DeadLetters")}
)
DEAD_LETTER: Responses = _STORED | {200: _json("All that is known of it.", "DeadLetterWhole")}
_SETTLED = {409: _json("It was settled otherwise before, or its original is not whole.", "Error")}
REPLAYED: Responses = (
    _STORED
    | _SETTLED
    | {202: _json("The broker has it.", "Replayed", {"Location": {"schema": {"type": "string"}}})}
)
DROPPED: Responses = (
    _STORED | _errors(400, 408, 413, 415, 422) | _SETTLED | {200: _json("As it is now.", "DeadLetter")}
)
TRIED: Responses = (
    _STORED | _errors(400, 408, 413, 415, 422)
    | {200: _json("What it gave then, and what it gives now.", "Trial")}
    | {409: _json("It has no outcome yet.", "Error")}
)  # fmt: skip
COSTS: Responses = _READ | _errors(400) | {200: _json("What was spent.", "Costs")}
CORRELATION: Responses = _READ | {200: _json("Their ids; none is no error.", "Correlation")}
ENTITY: Responses = _STORED | {
    200: {
        "description": "The entity's fields.",
        "content": {_JSON: {"schema": {"type": "object"}}},
    }
}
TASKS: Responses = _READ | {200: _json("The tasks.", "Tasks")}
PROMPTS: Responses = _READ | {200: _json("The prompts.", "Prompts")}
SPLIT: Responses = _STORED | {200: _json("The split as it is now, null where there is none.", "SplitOf")}
SPLIT_SET: Responses = SPLIT | _errors(400, 408, 413, 415, 422)
STATS: Responses = _STORED | {200: _json("The figures of its versions, and how candidates compare.", "Stats")}
FEEDBACK_GIVEN: Responses = (
    _STORED
    | _errors(400, 408, 413, 415, 422)
    | {409: _json("There is no outcome of a prompt to be scored.", "Error"), 200: _json("Kept.", "Feedback")}
)
PROMPT: Responses = _STORED | {200: _json("The version, whole.", "Prompt")}
PROMPT_DIFF: Responses = (
    _STORED | _errors(400) | {200: _json("Each change, and the step that it needs.", "PromptDiff")}
)
RENDERED: Responses = (
    _STORED | _errors(400, 408, 413, 415, 422) | {200: _json("The messages.", "RenderedPrompt")}
)
ALIVE: Responses = {200: _json("Alive.", "Alive")}
READY: Responses = {200: _json("Ready.", "Readiness"), 503: _json("Not ready.", "Readiness")}
METRICS: Responses = _READ | {
    200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}

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
        "content": {_JSON: {"schema": {"type": "object"}}},
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
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


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
_SHARE = {
    "type": "object",
    "required": ["version", "percent"],
    "additionalProperties": False,
    "properties": {
        "version": {"type": "string"},
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
    },
}
SPLIT_ORDER = _body(
    {"shares": {"type": "array", "items": _SHARE, "minItems": 1}},
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
_SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "dapr-api-token"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


@dataclass(frozen=True)
class Inputs:
    """The schema of each task's input, and the definitions that these refer to, under names that never collide."""

    schemas: dict[str, JsonObject]
    definitions: JsonObject


def inputs(agent: Agent) -> Inputs:
    models = {task.name: task.input for task in agent.tasks.values()}
    wanted = dict.fromkeys((model, "validation") for model in models.values())
    references, schema = models_json_schema([*wanted], ref_template=_REF + "{model}")  # type: ignore[list-item]
    if taken := SCHEMAS.keys() & schema.get("$defs", {}).keys():
        raise ValueError(
            f"{agent.name}: rename the input models {', '.join(sorted(taken))}: the API has its own"
        )
    return Inputs(
        {name: references[model, "validation"] for name, model in models.items()}, schema.get("$defs", {})
    )


def install(app: FastAPI, given: Inputs, complete: Callable[[], None]) -> None:
    """Serve a document whose components hold every task's input, of all routes: `complete` adds what is not there yet."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            complete()
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for operation in (one for path in schema["paths"].values() for one in path.values()):
                # FastAPI adds its own 422 to whatever has a parameter; ours are texts, and any text will do.
                if _HTTP_VALIDATION in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
            # The probes, which are there first, come last.
            schema["paths"] = dict(sorted(schema["paths"].items(), key=lambda path: path[0].count("/") == 1))
            components = schema.setdefault("components", {})
            components["schemas"] = given.definitions | SCHEMAS
            components["securitySchemes"] = _SECURITY
            schema["security"] = [{}, *({name: []} for name in _SECURITY)]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def task(schema: JsonObject) -> JsonObject:
    return {
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {_JSON: {"schema": schema}}},
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


def describe(task: Task, *, dead_letters: bool) -> JsonObject:
    """A task as `GET /tasks` and the command line show it; `dead_letters`: whether it is told of those."""
    schema = task.input.model_json_schema()
    return {
        "name": task.name,
        "description": task.description,
        "input": schema,
        "examples": schema.get("examples", []),
        "reacts_to": [
            reaction.event.event_type
            for reaction in task.reactions
            if dead_letters or not reaction.event.event_type.endswith(DEAD_LETTERS)
        ],
    }
