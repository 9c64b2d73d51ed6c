"""A model that is late is asked a second time: whoever answers first has answered, the other call is given up.

It costs up to twice the tokens of slow calls, and both calls count for limits and budgets. Nothing that is streamed is
asked twice: its reader would see two answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from domain.chat import ChatReply, ChatRequest
from domain.errors import AgentError
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry


class HedgedModel:
    """`LanguageModel` around another one, asked again when it took `after` seconds."""

    def __init__(self, model: LanguageModel, *, after: float, telemetry: Telemetry) -> None:
        self._model = model
        self._after = after
        self._telemetry = telemetry

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if on_text is not None:
            return await self._model.complete(request, on_text)
        calls = [asyncio.ensure_future(self._model.complete(request))]
        try:
            await asyncio.wait(calls, timeout=self._after)
            if not calls[0].done():
                self._telemetry.count("agents.model.hedges")
                calls.append(asyncio.ensure_future(self._model.complete(request)))
            return await _first_answer(calls)
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()


async def _first_answer(calls: Sequence[asyncio.Future[ChatReply]]) -> ChatReply:
    """The first call that succeeds; when none does, the error of the first that was made."""
    left = set(calls)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for call in done:
            if not isinstance(call.exception(), AgentError):
                return call.result()
    return calls[0].result()
