"""Every answer that a route gives, by its status."""

from __future__ import annotations

from typing import Any, TypeAlias

from domain.json import JsonObject
from infrastructure.host.openapi.shapes import JSON, REF

Responses: TypeAlias = dict[int | str, dict[str, Any]]
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _json(meaning: str, schema: str, headers: JsonObject | None = None) -> JsonObject:
    answer = {"description": meaning, "content": {JSON: {"schema": {"$ref": REF + schema}}}}
    return answer | ({"headers": headers} if headers else {})


def _errors(*statuses: int) -> Responses:
    waiting = {429, 503}
    return {s: _json(_MEANINGS[s], "Error", _RETRY_AFTER if s in waiting else None) for s in statuses}


def _sse(*events: str) -> JsonObject:
    """The schema of one event of a stream."""
    data = {"type": "string", "contentMediaType": JSON}
    event = {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"enum": list(events)}, "data": data},
    }
    return {"text/event-stream": {"schema": event}}


_MEANINGS = {
    400: "Malformed body or header.",
    401: "Nobody is known by these credentials; the message says why, and what to send.",
    402: "A budget of the file of models is used up; `details` says which. No dead letter: send it anew when there is more.",
    403: "The caller's roles do not allow this; or the agent listens on loopback, and was called by another name.",
    404: "There is none.",
    408: "The body did not come in time.",
    409: "The idempotency key was used before with another input.",
    413: "The body is too large, or what came of it.",
    415: "The body is not declared as JSON.",
    422: "The input does not fit, or can never work; `details.errors` names each field.",
    429: "This caller asks too often; or the model is rate limited, and `details.kept` says that the request is kept.",
    500: "A bug, or a document in the store that cannot be read; the log has it.",
    502: "The model's answer could not be used.",
    503: "Something is down or busy; Retry-After says when to ask again, `details.kept` whether the request is kept.",
    504: "The model or the task took too long.",
}
_READ = _errors(401, 403, 429, 500, 503)
_STORED = _READ | _errors(404)
_POSTED = _READ | _errors(400, 402, 408, 409, 413, 415, 422, 502, 504)
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
AUDIT: Responses = (
    _READ
    | _errors(400)
    | {200: _json("A page of it, newest first; `next` is the cursor to go on from.", "Audit")}
)
COSTS: Responses = _READ | _errors(400) | {200: _json("What was spent.", "Costs")}
CORRELATION: Responses = _READ | {200: _json("Their ids; none is no error.", "Correlation")}
ENTITY: Responses = _STORED | {
    200: {
        "description": "The entity's fields.",
        "content": {JSON: {"schema": {"type": "object"}}},
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
