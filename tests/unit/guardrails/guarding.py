"""What the tests of guardrails ask, and of whom."""

from __future__ import annotations

from typing import Any

from domain.chat import ChatRequest, Message, Origin
from infrastructure.guardrails.guarded import GuardedModel
from infrastructure.guardrails.rules import Guardrails, Guards
from infrastructure.memory.model import Script, ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry

ORIGIN = Origin("service-desk", "triage", "e-1", "c-1", "triage", "1.0.0")
SYSTEM = "You sort support tickets by their category and urgency, in the language of the ticket, and never promise a date."


class Guarded:
    """A model that answers by a script, behind the guardrails of one task."""

    def __init__(self, guards: Guards, script: Script = ()) -> None:
        self.model = ScriptedModel(script or ['{"reason": "fine"}'])
        self.telemetry = MemoryTelemetry()
        rails = Guardrails(tasks={"service-desk/triage": guards})
        self.guarded = GuardedModel(self.model, rails, self.telemetry)

    async def ask(self, text: str, on_text: Any = None) -> str:
        return (await self.guarded.complete(request(text), on_text)).text

    @property
    def sent(self) -> tuple[Message, ...]:
        return self.model.requests[-1].messages


def request(text: str, origin: Origin | None = ORIGIN) -> ChatRequest:
    return ChatRequest(
        messages=(Message("system", SYSTEM), Message("user", f"<ticket>\n{text}\n</ticket>")),
        max_tokens=4000,
        origin=origin,
        untrusted={"description": text},
    )
