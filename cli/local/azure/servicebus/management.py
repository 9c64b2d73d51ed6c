"""Requests about the messages of a subscription (learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from cli.local.azure.amqp.messages import Message
from cli.local.azure.amqp.values import NULL, mapped, string, timestamps
from cli.local.azure.servicebus.subscription import Subscription

Answer: TypeAlias = tuple[int, str, bytes]
"""HTTP's status, what it means, and the encoded body."""
_GONE: Answer = (410, "The lock supplied is invalid.", NULL)


def manage(queue: Subscription, request: Message) -> Answer:
    operation = request.application_properties.get("operation")
    body = request.body if isinstance(request.body, dict) else {}
    tokens = [token for token in body.get("lock-tokens", []) if isinstance(token, UUID)]
    match operation:
        case "com.microsoft:renew-lock":
            return _renew(queue, tokens)
        case "com.microsoft:update-disposition":
            return _dispose(queue, tokens, body)
        case "com.microsoft:peek-message":
            return 204, "No messages", NULL
    return 501, f"the stand-in has no operation {operation!r}", NULL


def _renew(queue: Subscription, tokens: Sequence[UUID]) -> Answer:
    until = [queue.renewed(token) for token in tokens]
    if None in until:
        return _GONE
    times = timestamps([int(one * 1_000) for one in until if one is not None])
    return 200, "OK", mapped([(string("expirations"), times)])


def _dispose(queue: Subscription, tokens: Sequence[UUID], body: dict[str, Any]) -> Answer:
    reason = {
        "DeadLetterReason": str(body.get("deadletter-reason", "")),
        "DeadLetterErrorDescription": str(body.get("deadletter-description", "")),
    }

    def reject(token: UUID) -> bool:
        return queue.rejected(token, reason)

    acts: dict[str, Callable[[UUID], bool]] = {
        "completed": queue.completed,
        "abandoned": queue.abandoned,
        "suspended": reject,
    }
    act = acts.get(str(body.get("disposition-status")))
    if act is None:
        return 400, f"disposition-status {body.get('disposition-status')!r} is unknown", NULL
    held = [act(token) for token in tokens]
    return (200, "OK", NULL) if all(held) else _GONE
