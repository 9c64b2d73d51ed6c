"""Quick trouble is tried again at once, so that a handler which has asked two prompts does not begin anew for the second.

Only what is over within a second: a connection that broke, a 500, 502 or 503, a 429 whose Retry-After is that short. All
else is the runtime's, which holds the work and asks again (agents/runtime/run.py); neither uses up an attempt.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from domain.chat import ChatReply, ChatRequest
from domain.errors import ModelRateLimited, ModelUnavailable
from domain.ports.model import LanguageModel
from infrastructure.llm.streaming import Watched

FIRST_PAUSE = 0.05
"""Seconds, doubled each time, with jitter: those that failed together shall not come back together."""


class RetryingModel:
    """`LanguageModel` around another one, which is asked `attempts` times more at most, within so many seconds."""

    def __init__(self, model: LanguageModel, *, attempts: int, within: float) -> None:
        self._model = model
        self._attempts = attempts
        self._within = within

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        now = asyncio.get_running_loop().time
        began = now()
        text = Watched(on_text)
        for tried in range(self._attempts):
            try:
                left = request.timeout - (now() - began)
                return await self._model.complete(replace(request, timeout=left), text.on_text)
            except (ModelUnavailable, ModelRateLimited) as error:
                pause = self._pause(error, tried)
                # Under a reader's eyes nothing begins anew.
                if text.was_sent or now() - began + pause > min(self._within, request.timeout):
                    raise
            await asyncio.sleep(pause)
        left = request.timeout - (now() - began)
        return await self._model.complete(replace(request, timeout=left), on_text)

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()

    def _pause(self, error: ModelUnavailable | ModelRateLimited, tried: int) -> float:
        if error.retry_after is not None:
            return error.retry_after
        if isinstance(error, ModelRateLimited):
            return self._within + 1  # nobody knows when it is over: certainly not at once
        return FIRST_PAUSE * 2.0**tried * random.uniform(1.0, 2.0)  # noqa: S311  # no secret
