"""Whether a server is there and knows our model, found out without spending a token."""

from __future__ import annotations

from collections.abc import Mapping

from domain import json
from domain.json import JsonObject
from infrastructure.llm.clients.endpoint import Endpoint
from infrastructure.llm.clients.failures import complaint_in, failure, unknown_model
from infrastructure.llm.clients.reply import unreadable

PROBE_TIMEOUT = 10.0

# Azure cannot list a resource's deployments by key any more. But it looks at key, API version and deployment before it
# looks at the messages: being refused for their lack is the proof that everything else is right.
PROBE_WITHOUT_MESSAGES: JsonObject = {"messages": []}


def require_probe_passed(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the refusal of `PROBE_WITHOUT_MESSAGES` is about the messages; else raise what is wrong."""
    complaint = complaint_in(body)
    if status == 400 and (complaint.param.startswith("messages") or "messages" in complaint.message):
        return
    if status != 200:
        raise failure(endpoint, status, headers, body)


def require_listed(endpoint: Endpoint, body: bytes) -> None:
    """Return when our model is in a server's answer to `GET /models`."""
    try:
        document = json.parse(body)
        names = [str(entry["id"]) for entry in document["data"] or []]  # Ollama without models: null
    except ValueError as error:
        raise unreadable(endpoint, body, error) from None
    except (TypeError, KeyError):
        raise unreadable(endpoint, body, ValueError("no list of models")) from None
    if not endpoint.is_among(names):
        raise unknown_model(endpoint, models=names[:20])
