"""A programmable model without a model: whole chains run in memory, with the answers that a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from domain import json
from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import AgentError, ModelTimeout, ModelTruncated
from infrastructure.memory.schema_answer import schema_answer

Scripted: TypeAlias = str | ChatReply | Exception
Script: TypeAlias = Sequence[Scripted] | Callable[[ChatRequest], Scripted]


def answer_by_schema(request: ChatRequest) -> str:
    """The smallest answer that fits the request's output schema; without one, a sentence."""
    if request.output_schema is None:
        return "An answer in plain text."
    return json.dump(schema_answer(request.output_schema)).decode()


class ScriptedModel:
    """`domain.ports.model.LanguageModel` that answers by a script and remembers what it was asked.

    The script is a list, used up in order, or a function of the request. An exception in it is raised. A token is four
    characters; an answer longer than the request's `max_tokens` is truncated as a server would. Every answer takes
    `delay` seconds, against the request's timeout. While `down` is set, every call and every check raises it.
    """

    name = "scripted"

    def __init__(self, script: Script = answer_by_schema, *, delay: float = 0.0) -> None:
        self.requests: list[ChatRequest] = []
        self.delay = delay
        self.down: AgentError | None = None
        self.closed = False
        self._script = script

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        self.requests.append(request)
        try:
            async with asyncio.timeout(request.timeout):
                await asyncio.sleep(self.delay)
        except TimeoutError:
            raise ModelTimeout(
                f"{self.name} did not answer within {request.timeout:g} s", timeout=request.timeout
            ) from None
        if self.down is not None:
            raise self.down
        reply = self._as_reply(request, self._scripted(request))
        if on_text is not None:
            for piece in _pieces(reply.text):
                on_text(piece)
        if reply.usage.output_tokens > request.max_tokens:
            raise ModelTruncated(
                f"the answer of {reply.model} was cut off at {request.max_tokens} tokens",
                model=reply.model,
                max_tokens=request.max_tokens,
                output_tokens=request.max_tokens,
            )
        return reply

    async def check(self) -> None:
        if self.down is not None:
            raise self.down

    async def close(self) -> None:
        self.closed = True

    def _scripted(self, request: ChatRequest) -> Scripted:
        if callable(self._script):
            return self._script(request)
        if len(self.requests) > len(self._script):
            raise AssertionError(f"the script holds {len(self._script)} answers, and was asked for one more")
        return self._script[len(self.requests) - 1]

    def _as_reply(self, request: ChatRequest, scripted: Scripted) -> ChatReply:
        if isinstance(scripted, Exception):
            raise scripted
        if isinstance(scripted, ChatReply):
            return scripted
        asked = sum(_tokens(message.content) for message in request.messages)
        return ChatReply(text=scripted, model=self.name, usage=Usage(asked, _tokens(scripted)))


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _pieces(text: str) -> list[str]:
    return [text[start : start + 8] for start in range(0, len(text), 8)]
