"""What the tests of what stands before a model have in common."""

from __future__ import annotations

from dataclasses import replace

from domain.chat import ChatRequest, Message, Origin

REQUEST = ChatRequest(messages=(Message("user", "hello"),), max_tokens=50, timeout=60)


def asked_by(
    task: str = "shout", *, execution: str = "e1", chain: str = "c1", agent: str = "sample"
) -> ChatRequest:
    return replace(REQUEST, origin=Origin(agent, task, execution, chain, "prompt", "1.0.0"))
