"""What a model's calls cost, and whose they were: asked of the budgets before, settled and noted after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import ModelAnswerInvalid, ModelTimeout, ModelTruncated
from domain.ports.model import LanguageModel
from domain.tokens import input_tokens, tokens_of
from infrastructure.llm.catalogue.schema import Prices
from infrastructure.llm.spending.amounts import Amounts
from infrastructure.llm.spending.costs import Spent
from infrastructure.llm.spending.ledger import Ledger


class MeteredModel:
    """`LanguageModel` around another one; `name` is the catalogue's, and goes before the server's own in every reply.

    The same model in two regions has one name at its servers: records shall tell which of them answered.
    """

    def __init__(self, model: LanguageModel, name: str, prices: Prices, ledger: Ledger) -> None:
        self._model = model
        self._name = name
        self._prices = prices
        self._ledger = ledger

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        going_in = input_tokens(request)
        at_most = self._amounts(Usage(going_in, request.max_tokens))
        reservation = await self._ledger.reserve(request.origin, at_most)
        used: Usage | None = None
        try:
            reply = await self._model.complete(request, on_text)
            used = _counted(reply, going_in)
        except ModelTruncated:
            used = Usage(going_in, request.max_tokens)
            raise
        except (ModelAnswerInvalid, ModelTimeout, asyncio.CancelledError):
            # It was asked, and has perhaps answered: what it wrote nobody knows.
            used = Usage(going_in)
            raise
        finally:
            self._ledger.settle(reservation, self._amounts(used) if used else Amounts())
            if used is not None:
                self._note(request, used)
        return replace(reply, model=f"{self._name}/{reply.model}", cost=self._amounts(used).cost)

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()

    def _amounts(self, usage: Usage) -> Amounts:
        cost = self._prices.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens)
        return Amounts(usage.input_tokens + usage.output_tokens, cost, 1)

    def _note(self, request: ChatRequest, used: Usage) -> None:
        spent = Spent(
            calls=1,
            input_tokens=used.input_tokens,
            cached_tokens=used.cached_tokens,
            output_tokens=used.output_tokens,
            cost=self._amounts(used).cost,
        )
        self._ledger.count(request.origin, self._name, spent)


def _counted(reply: ChatReply, going_in: int) -> Usage:
    """What the server counted; an estimate of a server that does not count."""
    usage = reply.usage
    return usage if usage.input_tokens or usage.output_tokens else Usage(going_in, tokens_of(reply.text))
