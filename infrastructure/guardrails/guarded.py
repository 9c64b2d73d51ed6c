"""`LanguageModel` with guardrails around it: the outermost wrapper, so that nothing behind it sees what they keep back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from domain.chat import ChatReply, ChatRequest, Message, Usage
from domain.errors import GuardrailTripped
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.guardrails.answer import AnswerGuard
from infrastructure.guardrails.injection import THRESHOLD, suspicion
from infrastructure.guardrails.pseudonyms import Pseudonyms, RestoredStream
from infrastructure.guardrails.rules import NONE, Action, Guardrails, Guards
from infrastructure.guardrails.second_opinion import About, opinion
from infrastructure.guardrails.spotlight import MARKER, spotlight, texts

log = logging.getLogger(__name__)

Direction: TypeAlias = Literal["input", "output"]
OnText: TypeAlias = Callable[[str], None]


def guarded(model: LanguageModel, guardrails: Guardrails, telemetry: Telemetry) -> LanguageModel:
    """The model itself where no task has a guardrail."""
    return GuardedModel(model, guardrails, telemetry) if guardrails.any else model


class GuardedModel:
    """Guards each request by its origin's task; a request without an origin has the default's guardrails."""

    def __init__(self, model: LanguageModel, guardrails: Guardrails, telemetry: Telemetry) -> None:
        self._model = model
        self._guardrails = guardrails
        self._telemetry = telemetry

    async def complete(self, request: ChatRequest, on_text: OnText | None = None) -> ChatReply:
        """As the model's; raise `GuardrailTripped` for what a guardrail stops."""
        guards = self._guardrails.of(request.origin)
        if guards == NONE:
            return await self._model.complete(request, on_text)
        tell = _Findings(self._telemetry, request)
        given = untrusted_text(request)
        usage = await self._check_input(guards, given, tell)
        pseudonyms = _pseudonyms(guards, given, tell)
        asked = _hide(request, pseudonyms)
        if guards.spotlight is not None:
            asked = spotlight(asked, guards.spotlight)
        stream = on_text if not guards.hold_stream and guards.spotlight != "datamark" else None
        restored = pseudonyms if guards.pii is not None and guards.pii.restore else None
        put_back = RestoredStream(restored, stream) if stream and restored else None
        reply = await self._model.complete(asked, put_back or stream)
        if put_back:
            put_back.end()
        text = reply.text.replace(MARKER, " ") if guards.spotlight == "datamark" else reply.text
        text = AnswerGuard(guards, request, given, tell.found).checked(text)
        if guards.moderation is not None:
            usage += await self._ask("moderation", text, tell, guards.moderation.action, "output")
        # Last: what was looked at is what the model wrote.
        text = restored.restore(text) if restored else text
        if on_text is not None and stream is None:
            on_text(text)
        return replace(reply, text=text, usage=usage + reply.usage)

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()

    async def _check_input(self, guards: Guards, given: str, tell: _Findings) -> Usage:
        usage = Usage()
        if guards.length is not None and len(given) > guards.length.characters:
            tell.found(
                "length",
                guards.length.action,
                "input",
                f"{len(given):,} characters, {guards.length.characters:,} are allowed",
            )
        if guards.prompt_injection is not None:
            suspected = suspicion(given)
            if suspected.score >= THRESHOLD:
                told = f"it looks like instructions to the model ({', '.join(suspected.rules)}; read as {suspected.reading})"
                tell.found("prompt_injection", guards.prompt_injection.action, "input", told)
            elif guards.prompt_injection.model:
                usage += await self._ask("prompt_injection", given, tell, guards.prompt_injection.action)
        if guards.moderation is not None:
            usage += await self._ask("moderation", given, tell, guards.moderation.action)
        return usage

    async def _ask(
        self, about: About, text: str, tell: _Findings, action: Action, direction: Direction = "input"
    ) -> Usage:
        asked = await opinion(self._model, about, text, tell.request.origin)
        if asked.suspicious:
            tell.found(about, action, direction, "a model that was asked about it says so")
        return asked.usage


def untrusted_text(request: ChatRequest) -> str:
    """What came from outside: the values of the prompt's variables; where nobody names them, every message of the user."""
    if request.untrusted is None:
        return "\n".join(message.content for message in request.messages if message.role == "user")
    return "\n".join(text for value in request.untrusted.values() for text in texts(value))


def _pseudonyms(guards: Guards, given: str, tell: _Findings) -> Pseudonyms | None:
    if guards.pii is None:
        return None
    found = Pseudonyms.of(given, guards.pii.kinds)
    if not found.marks:
        return None
    kinds = ", ".join(sorted({mark.strip("<>").rpartition("_")[0].lower() for mark in found.marks.values()}))
    tell.found("pii", guards.pii.action, "input", f"it holds personal data ({kinds})")
    if guards.pii.action != "redact":
        return None
    return found


def _hide(request: ChatRequest, pseudonyms: Pseudonyms | None) -> ChatRequest:
    if pseudonyms is None:
        return request
    messages = tuple(Message(message.role, pseudonyms.hide(message.content)) for message in request.messages)
    untrusted = (
        None
        if request.untrusted is None
        else {name: _hidden(value, pseudonyms) for name, value in request.untrusted.items()}
    )
    return replace(request, messages=messages, untrusted=untrusted)


def _hidden(value: object, pseudonyms: Pseudonyms) -> object:
    if isinstance(value, str):
        return pseudonyms.hide(value)
    if isinstance(value, dict):
        return {pseudonyms.hide(name): _hidden(item, pseudonyms) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, pseudonyms) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class _Findings:
    """Tells of what a guardrail found, and stops the work where that is what it is for. Never repeats the text."""

    telemetry: Telemetry
    request: ChatRequest

    def found(self, guardrail: str, action: Action, direction: Direction, why: str) -> None:
        self.telemetry.count(
            "agents.guardrails", attributes={"guardrail": guardrail, "action": action, "direction": direction}
        )
        origin = self.request.origin
        whose = f"{origin.agent}/{origin.task}" if origin else "a request"
        of_what = "input" if direction == "input" else "answer"
        log.warning("guardrail %s (%s) on the %s of %s: %s", guardrail, action, of_what, whose, why)
        if action == "block":
            raise GuardrailTripped(
                f"the guardrail {guardrail} stopped the {of_what} of {whose}: {why}. Look at it; if it is harmless, set "
                f"{guardrail}: warn for {whose} in the guardrails' file and replay it",
                guardrail=guardrail,
                direction=direction,
            )
