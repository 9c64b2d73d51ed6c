"""A model that is down is left alone: one call at a time finds out whether it is back, instead of one for each waiting execution.

The calls held back raise what the last real call raised, so the work waits and no attempt is counted; its deliveries
stay unanswered, and with them the sidecar stops taking more from the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from domain.chat import ChatReply, ChatRequest
from domain.errors import AgentError, ModelTimeout, Unavailable
from domain.ports.model import LanguageModel

log = logging.getLogger(__name__)

THRESHOLD = 3
"""Failures in a row after which the circuit opens; a server that names a Retry-After opens it at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
"""Seconds for which an open circuit lets nothing through; doubled with each failed call."""


class CircuitBreaker:
    """`LanguageModel` around another one."""

    def __init__(
        self, model: LanguageModel, *, failures: int = THRESHOLD, longest_pause: float = LONGEST_PAUSE
    ) -> None:
        """It opens after so many `failures` in a row, for at most `longest_pause` seconds at a time."""
        self._model = model
        self._threshold = failures
        self._longest_pause = longest_pause
        self._failures = 0
        self._shut_until = 0.0
        self._asking = False
        self._last: Unavailable | None = None

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if self._last is None:
            return await self._ask(request, on_text)
        left = self._shut_until - asyncio.get_running_loop().time()
        if left > 0 or self._asking:
            wait = max(left, FIRST_PAUSE) if left > 0 else self._longest_pause / 2
            raise type(self._last)(self._last.message, retry_after=wait, **self._last.details)
        self._asking = True
        try:
            return await self._ask(request, on_text)
        finally:
            self._asking = False

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()

    async def _ask(self, request: ChatRequest, on_text: Callable[[str], None] | None) -> ChatReply:
        try:
            reply = await self._model.complete(request, on_text)
        except Unavailable as error:
            self._failed(error)
            raise
        except ModelTimeout:
            raise  # says neither that it is down nor that it is well
        except AgentError:
            self._answered()
            raise
        self._answered()
        return reply

    def _failed(self, error: Unavailable) -> None:
        self._failures += 1
        if self._failures < self._threshold and error.retry_after is None:
            return
        pause = min(FIRST_PAUSE * 2 ** min(max(self._failures - self._threshold, 0), 20), self._longest_pause)
        pause = max(pause, min(error.retry_after or 0, 60.0))
        self._shut_until = asyncio.get_running_loop().time() + pause
        if self._last is None:
            log.warning(
                "the model is left alone for %.1f s, then asked by one call at a time: %s", pause, error
            )
        self._last = error

    def _answered(self) -> None:
        if self._last is not None:
            log.info("the model answers again")
        self._failures, self._last = 0, None
