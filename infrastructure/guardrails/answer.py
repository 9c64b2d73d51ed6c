"""What is looked for in an answer. In JSON each text is looked at by itself, as whoever reads the answer will see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic_core import from_json, to_json

from domain.chat import ChatRequest
from infrastructure.guardrails.links import invented
from infrastructure.guardrails.prompt_leak import quotes
from infrastructure.guardrails.rules import Action, Guards, Links
from infrastructure.guardrails.secret_keys import find_secrets
from infrastructure.guardrails.spotlight import texts

Found: TypeAlias = Callable[[str, Action, Literal["input", "output"], str], None]

MASK = "[removed]"


@dataclass(frozen=True, slots=True)
class AnswerGuard:
    """`given` is what came from outside; `found` is told of every find, and raises where it ends the work."""

    guards: Guards
    request: ChatRequest
    given: str
    found: Found

    def checked(self, answer: str) -> str:
        """The answer, changed only where a guardrail redacts."""
        guards = self.guards
        if guards.secrets is None and guards.invented_links is None and guards.prompt_leak is None:
            return answer
        try:
            value = from_json(answer)
        except ValueError:
            return self._text(answer)
        if not self._may_hold("\n".join(texts(value))):
            return answer
        looked_at = _each(value, self._text)
        return answer if looked_at == value else to_json(looked_at).decode()

    def _may_hold(self, text: str) -> bool:
        """Whether one of the texts may hold something. All are looked at as one, a line each: nothing is missed, and most hold nothing."""
        guards = self.guards
        return (
            (guards.prompt_leak is not None and self._quotes(text))
            or (guards.secrets is not None and any(find_secrets(text)))
            or (guards.invented_links is not None and any(self._invented(guards.invented_links, text)))
        )

    def _quotes(self, text: str) -> bool:
        instructions = "\n".join(m.content for m in self.request.messages if m.role == "system")
        return quotes(text, instructions, self.given)

    def _invented(self, links: Links, text: str) -> Iterator[tuple[int, int]]:
        known = "\n".join([self.given, *(message.content for message in self.request.messages)])
        return invented(text, known, links.allow, paths=links.paths)

    def _text(self, text: str) -> str:
        if self.guards.prompt_leak is not None and self._quotes(text):
            self.found(
                "prompt_leak",
                self.guards.prompt_leak.action,
                "output",
                "it quotes the prompt's instructions",
            )
        if self.guards.secrets is not None:
            text = self._spans(
                "secrets",
                self.guards.secrets.action,
                text,
                find_secrets(text),
                "it holds what looks like a credential",
            )
        if (links := self.guards.invented_links) is not None:
            spans = self._invented(links, text)
            why = "it names a link or path that stands nowhere in the question"
            text = self._spans("invented_links", links.action, text, spans, why)
        return text

    def _spans(
        self, guardrail: str, action: Action, text: str, spans: Iterable[tuple[int, int]], why: str
    ) -> str:
        found = sorted(spans)
        if not found:
            return text
        self.found(guardrail, action, "output", why)
        return _masked(text, found) if action == "redact" else text


def _each(value: Any, look: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return look(value)
    if isinstance(value, dict):
        return {look(name): _each(item, look) for name, item in value.items()}
    if isinstance(value, list):
        return [_each(item, look) for item in value]
    return value


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        if start >= end:
            parts += [text[end:start], MASK]
        end = max(end, stop)
    return "".join([*parts, text[end:]])
