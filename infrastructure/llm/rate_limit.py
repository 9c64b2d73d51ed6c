"""No more requests and tokens a minute than a model's owner allows, and no more calls at a time than it can bear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from domain.chat import ChatReply, ChatRequest
from domain.errors import ModelFailsForInput, ModelRateLimited, Unavailable
from domain.ports.model import LanguageModel
from domain.tokens import input_tokens
from infrastructure.llm.allowance import Allowance
from infrastructure.llm.fair_queue import FairQueue, Waiting

PATIENCE = 10.0
"""Seconds that a call waits here. A longer wait is the runtime's, which holds the work without a claim on its deadline."""


class RateLimitedModel:
    """`LanguageModel` around another one, whose calls wait for their turn.

    `requests` and `tokens` are shared by all replicas, `parallel` bounds the calls of this one; None bounds nothing.
    """

    def __init__(
        self,
        model: LanguageModel,
        name: str,
        *,
        requests: Allowance | None,
        tokens: Allowance | None,
        parallel: int | None,
    ) -> None:
        self._model = model
        self._name = name
        self._requests = requests
        self._tokens = tokens
        self._parallel = parallel
        self._running = 0
        self._queue = FairQueue()
        self._letting_in: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        estimated = input_tokens(request) + request.max_tokens
        task = f"{request.origin.agent}/{request.origin.task}" if request.origin else ""
        now = asyncio.get_running_loop().time
        began = now()
        await self._turn(task, estimated, min(PATIENCE, request.timeout / 2))
        request = replace(request, timeout=request.timeout - (now() - began))
        used: float = estimated
        try:
            reply = await self._model.complete(request, on_text)
            used = reply.usage.input_tokens + reply.usage.output_tokens or estimated
        except (Unavailable, ModelFailsForInput):
            used = 0
            raise
        else:
            return reply
        finally:
            self._running -= 1
            if self._tokens is not None:
                self._tokens.settle(estimated, used)
            self._changed.set()

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        if self._letting_in is not None:
            self._letting_in.cancel()
            await asyncio.wait({self._letting_in})
        await self._model.close()

    async def _turn(self, task: str, tokens: int, patience: float) -> None:
        waiting = self._queue.add(task, tokens)
        if self._letting_in is None or self._letting_in.done():
            self._letting_in = asyncio.create_task(self._let_in())
        try:
            async with asyncio.timeout(patience):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
                self._running -= 1  # it was let in while it went away
                self._give_back(waiting)
            elif not waiting.turn.done() or waiting.turn.cancelled():
                self._queue.remove(waiting)
            self._changed.set()
            if isinstance(error, TimeoutError):
                raise self._refusal(max(self._estimate(tokens), 1.0)) from None
            raise

    async def _let_in(self) -> None:
        """Give turns while somebody waits. Only here anything is taken, so nobody overtakes."""
        while (first := self._queue.first()) is not None:
            self._changed.clear()
            if self._parallel is not None and self._running >= self._parallel:
                await self._changed.wait()
                continue
            try:
                wait = await self._take(first)
            except Exception as error:  # noqa: BLE001  # whoever waits gets it; those behind must not wait for ever
                self._refuse(first, error)
                await asyncio.sleep(0)
                continue
            if self._queue.first() is not first or first.turn.done():  # it went away meanwhile
                if not wait:
                    self._give_back(first)
                await asyncio.sleep(0)
            elif not wait:
                self._queue.remove(first)
                self._running += 1
                first.turn.set_result(None)
            elif wait > PATIENCE:
                self._refuse(first, self._refusal(wait))
            else:
                await self._pause(first, wait)

    def _refuse(self, waiting: Waiting, error: Exception) -> None:
        if not waiting.turn.done():  # else it went away, and is in no queue any more
            self._queue.remove(waiting)
            waiting.turn.set_exception(error)

    async def _take(self, waiting: Waiting) -> float:
        """Take what a call needs; returns for how many seconds it has to wait, with nothing taken."""
        wait = await self._requests.take(1) if self._requests else 0.0
        if self._tokens is not None:
            wait = max(wait, await self._tokens.take(waiting.tokens))
        if not wait:
            if self._requests is not None:
                self._requests.left -= 1
            if self._tokens is not None:
                self._tokens.left -= waiting.tokens
        return wait

    def _give_back(self, waiting: Waiting) -> None:
        if self._requests is not None:
            self._requests.left += 1
        if self._tokens is not None:
            self._tokens.left += waiting.tokens

    async def _pause(self, first: Waiting, seconds: float) -> None:
        """Until the store may have enough, or somebody here gave back enough, or the first one went away."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._queue.first() is first and not first.turn.done() and not self._is_enough(first):
                    self._changed.clear()
                    await self._changed.wait()

    def _is_enough(self, waiting: Waiting) -> bool:
        return (self._requests is None or self._requests.holds(1)) and (
            self._tokens is None or self._tokens.holds(waiting.tokens)
        )

    def _estimate(self, tokens: int) -> float:
        """Seconds until all that wait now have had their turn."""
        by_requests = len(self._queue) / self._requests.a_second if self._requests else 0.0
        by_tokens = (self._queue.tokens + tokens) / self._tokens.a_second if self._tokens else 0.0
        return max(by_requests, by_tokens)

    def _refusal(self, wait: float) -> ModelRateLimited:
        return ModelRateLimited(
            f"the limits of {self._name} in the file of models let this call in {wait:.0f} s at the soonest: it waits, or raise "
            f"`limits` of {self._name}",
            retry_after=wait,
        )
