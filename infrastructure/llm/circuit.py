"""A model that is down is left alone: one call at a time finds out whether it is back, instead of one for each waiting execution.

The calls held back raise an error of the class that the last real call raised, so the work waits and no attempt is counted;
its deliveries stay unanswered, and with them the sidecar stops taking more from the broker. What that call was told stays
with it: a server's words may repeat what they are about, and the next caller may be another customer.

One input for which the model always fails, while it answers others, must not do that to all (ADR 0019): it soon opens
nothing any more, others go before it where one call finds out, and in the end its failures count as attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from domain.chat import ChatReply, ChatRequest
from domain.errors import (
    AgentError,
    ModelFailsForInput,
    ModelMisconfigured,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
    Unavailable,
)
from domain.ports.model import LanguageModel
from infrastructure.llm.suspects import Suspects

log = logging.getLogger(__name__)

THRESHOLD = 3
"""Failures in a row after which the circuit opens; a server that names a Retry-After opens it at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 2.0
"""Seconds for which an open circuit lets nothing through; doubled with each failed call."""
POISONED = 10
"""Failures of one execution, with an answer for another between any two, after which its input is to blame.

With the runtime's back-off that is half a minute: a server that restarts in it is no reason to give work up. Each of the
three attempts needs one more, so of a server that fails every second call it befalls one execution in eight thousand.
"""
OF_THE_REQUEST = {400, 422}
"""HTTP statuses that say of a model which has answered before: it is this request that it does not take."""


class CircuitBreaker:
    """`LanguageModel` around another one."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        failures: int = THRESHOLD,
        longest_pause: float = LONGEST_PAUSE,
        silence_is_failure: bool = False,
    ) -> None:
        """It opens after so many `failures` in a row, for at most `longest_pause` seconds at a time.

        `silence_is_failure`: a timeout is one, too, where another model answers instead: or each call would wait for one that
        hangs. Where there is no other, it stays the work's own failure, which uses up an attempt.
        """
        self._model = model
        self._silence_is_failure = silence_is_failure
        self._threshold = failures
        self._longest_pause = longest_pause
        self._failures = 0
        self._shut_until = 0.0
        self._asking = False
        self._last: Unavailable | None = None
        self._since = datetime.min.replace(tzinfo=UTC)
        self._suspects = Suspects()
        self._failed_last: str | None = None
        self._head_start = 0.0
        """Seconds by which an open circuit lets those that never failed go before the others."""

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if self._last is None:
            return await self._ask(request, on_text)
        left = self._shut_until + self._behind(request) - asyncio.get_running_loop().time()
        if left > 0 or self._asking:
            wait = max(left, FIRST_PAUSE) if left > 0 else self._longest_pause / 2
            raise self._open(self._last, wait)
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
            self._judge(request, error)
            raise
        except ModelTimeout as error:
            # One alone says neither that it is down nor that it is well.
            if self._silence_is_failure:
                self._failed(ModelUnavailable(error.message, common="it did not answer in time"))
            raise
        except AgentError:
            self._answered()
            raise
        self._suspects.answered(_execution_of(request))
        self._answered()
        return reply

    def _judge(self, request: ChatRequest, error: Unavailable) -> None:
        """Blame the model, or this execution alone; raise `ModelFailsForInput` when its input is to blame for good."""
        self._failed_last = _execution_of(request)
        # Who is told to come back later was not looked at.
        failures = 0 if isinstance(error, ModelRateLimited) else self._suspects.failed(self._failed_last)
        if failures >= POISONED:
            raise ModelFailsForInput(
                f"the model fails for this input while it answers others ({failures} times by now): {error.message}",
                **{**error.details, "cause": error.code, "failures": failures},
            ) from error
        refused = isinstance(error, ModelMisconfigured) and error.details.get("status") in OF_THE_REQUEST
        if failures < self._threshold and not (refused and self._suspects.answers):
            self._failed(error)

    def _failed(self, error: Unavailable) -> None:
        self._failures += 1
        if self._failures < self._threshold and error.retry_after is None:
            return
        pause = min(FIRST_PAUSE * 2 ** min(max(self._failures - self._threshold, 0), 20), self._longest_pause)
        pause = max(pause, min(error.retry_after or 0, 60.0))
        self._shut_until = asyncio.get_running_loop().time() + pause
        # Whoever is held back comes after what it was told, or up to a fifth later.
        self._head_start = FIRST_PAUSE + pause / 4
        if self._last is None:
            self._since = datetime.now(UTC)
            log.warning(
                "the model is left alone for %.1f s, then asked by one call at a time: %s", pause, error
            )
        self._last = error

    def _open(self, last: Unavailable, wait: float) -> Unavailable:
        known = {name: last.details[name] for name in ("model", "status") if name in last.details}
        since = f"{self._since:%Y-%m-%d %H:%M:%S} UTC"
        told = f"the circuit of this model is open since {since}, last failure {last.code}"
        if "status" in known:
            told += f" (status {known['status']})"
        return type(last)(f"{told}: {last.common}" if last.common else told, retry_after=wait, **known)

    def _answered(self) -> None:
        if self._last is not None:
            log.info("the model answers again")
        self._failures, self._last = 0, None

    def _behind(self, request: ChatRequest) -> float:
        """Seconds for which others go first, who may be answered where this one is not: longest for the one that failed last."""
        execution = _execution_of(request)
        if execution is None or execution not in self._suspects:
            return 0.0
        return self._head_start * (2 if execution == self._failed_last else 1)


def _execution_of(request: ChatRequest) -> str | None:
    return request.origin.execution_id if request.origin is not None else None
