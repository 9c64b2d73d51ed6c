"""The embedding model as the cache asks it: paid for like any model, and when it fails, the question goes on without it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager

from domain.chat import ChatRequest
from domain.errors import AgentError, ModelTimeout, Unavailable
from domain.ports.telemetry import Span, Telemetry
from domain.tokens import tokens_of
from infrastructure.llm.catalogue.schema import Prices
from infrastructure.llm.clients.embeddings import Embeddings, Vector
from infrastructure.llm.spending.amounts import Amounts
from infrastructure.llm.spending.costs import Spent
from infrastructure.llm.spending.ledger import Ledger, Reservation

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds, where the file gives the model no `timeout`. It is waited for before the model itself is asked."""
PAUSE = 10.0
"""Seconds for which it is left alone when it has failed; longer where it names a Retry-After."""


class CacheEmbedding:
    """`name` is the catalogue's. Counts each question that could not be compared, and says once that it is so."""

    def __init__(
        self,
        embeddings: Embeddings,
        name: str,
        prices: Prices,
        ledger: Ledger,
        telemetry: Telemetry,
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        self._embeddings = embeddings
        self._name = name
        self._prices = prices
        self._ledger = ledger
        self._telemetry = telemetry
        self._timeout = timeout
        self._alone_until: float | None = None
        """Set while it is not known to be well."""

    async def vectors(self, request: ChatRequest, texts: Sequence[str]) -> tuple[Vector, ...] | None:
        """None when it fails, or has failed just now, or may not be paid for."""
        now = asyncio.get_running_loop().time
        if self._alone_until is not None and now() < self._alone_until:
            self._count()
            return None
        estimated = sum(map(tokens_of, texts))
        try:
            reservation = await self._ledger.reserve(request.origin, self._amounts(estimated))
        except AgentError:
            return None  # says nothing of this model, and is said again of the one that is asked now
        try:
            found = await self._paid(reservation, estimated, request, texts)
        except AgentError as error:
            self._count()
            if self._alone_until is None:
                log.warning(
                    "questions are not compared with similar ones until %s works again: %s", self._name, error
                )
            wait = error.retry_after if isinstance(error, Unavailable) else None
            self._alone_until = now() + max(PAUSE, min(wait or 0, 60.0))
            return None
        if self._alone_until is not None:
            log.info("questions are compared with similar ones again: %s works", self._name)
            self._alone_until = None
        return found

    async def close(self) -> None:
        await self._embeddings.close()

    async def _paid(
        self, reservation: Reservation, estimated: int, request: ChatRequest, texts: Sequence[str]
    ) -> tuple[Vector, ...]:
        used: int | None = None
        try:
            with self._span():
                found = await self._embeddings.embed(texts, timeout=self._timeout)
            used = found.tokens or estimated
        except (ModelTimeout, asyncio.CancelledError):
            used = estimated  # it was asked, and has perhaps answered
            raise
        finally:
            self._ledger.settle(reservation, Amounts() if used is None else self._amounts(used))
            if used is not None:
                spent = Spent(calls=1, input_tokens=used, cost=self._prices.cost(used, 0))
                self._ledger.count(request.origin, self._name, spent)
        return found.vectors

    def _span(self) -> AbstractContextManager[Span]:
        """By the GenAI conventions: the question waits for this before the model is asked."""
        model = self._embeddings.model
        labels = {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": model}
        return self._telemetry.span(f"embeddings {model}", "client", attributes=labels)

    def _amounts(self, tokens: int) -> Amounts:
        return Amounts(tokens, self._prices.cost(tokens, 0), 1)

    def _count(self) -> None:
        self._telemetry.count("agents.model.cache.uncompared")
