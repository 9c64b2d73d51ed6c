"""A `ChatRequest` as the JSON body of a chat completion."""

from __future__ import annotations

import re
from typing import Any

from domain.chat import ChatRequest
from domain.json import JsonObject
from infrastructure.llm.clients.endpoint import Endpoint

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_HOLDING_ONE_SCHEMA = ("items", "additionalProperties")
_HOLDING_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_HOLDING_NAMED_SCHEMAS = ("properties", "$defs", "definitions")


def body_for(request: ChatRequest, endpoint: Endpoint, *, stream: bool) -> JsonObject:
    """The body; only what the request sets is in it, so that a model's own defaults and refusals stay its own."""
    body: JsonObject = {
        "model": endpoint.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        endpoint.limit_field: request.max_tokens,
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.seed is not None:
        body["seed"] = request.seed
    if request.output_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": _NOT_IN_NAMES.sub("_", request.output_name)[:64],
                "strict": True,
                "schema": schema_for(endpoint, request.output_schema),
            },
        }
    if endpoint.sends_cache_keys and request.origin is not None:
        # https://platform.openai.com/docs/guides/prompt-caching: calls of one prompt begin alike, so they go where it is cached.
        asked = request.origin
        body["prompt_cache_key"] = f"{asked.agent}/{asked.prompt}/{asked.version}"[:64]
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def schema_for(endpoint: Endpoint, schema: JsonObject) -> JsonObject:
    """The schema as this server takes it.

    Where keywords are refused, objects must also be closed and all their properties required. What answers such a
    schema answers ours as well, except for the bounds: those move into the description, where the model can read them.
    """
    return _strict(schema, endpoint.refused_keywords) if endpoint.refused_keywords else schema


def _strict(schema: Any, refused: frozenset[str]) -> Any:
    if not isinstance(schema, dict):  # `items: true`
        return schema
    strict = {key: value for key, value in schema.items() if key not in refused}
    bounds = ", ".join(f"{key}: {schema[key]}" for key in schema if key in refused and key != "default")
    if bounds:
        strict["description"] = f"{schema.get('description', '')} ({bounds})".strip()
    for key in _HOLDING_ONE_SCHEMA:
        if key in strict:
            strict[key] = _strict(strict[key], refused)
    for key in _HOLDING_SCHEMAS:
        if key in strict:
            strict[key] = [_strict(item, refused) for item in strict[key]]
    for key in _HOLDING_NAMED_SCHEMAS:
        if key in strict:
            strict[key] = {name: _strict(item, refused) for name, item in strict[key].items()}
    if "properties" in strict:
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict
