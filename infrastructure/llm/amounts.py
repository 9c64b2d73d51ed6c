"""How much of everything a call uses up."""

from __future__ import annotations

from dataclasses import dataclass

from domain.chat import ChatRequest
from domain.json import dump
from infrastructure.llm.catalogue import Resource

CHARACTERS = 3
"""Of a token, for estimates: English has four, German and code three. Too few tokens would let a budget be overshot."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """`cost` in the catalogue's currency."""

    tokens: float = 0.0
    cost: float = 0.0
    calls: float = 0.0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.tokens + other.tokens, self.cost + other.cost, self.calls + other.calls)

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(self.tokens - other.tokens, self.cost - other.cost, self.calls - other.calls)

    def of(self, resource: Resource) -> float:
        found: float = getattr(self, resource)
        return found


def input_tokens(request: ChatRequest) -> int:
    """About how many tokens go in; rather too many than too few."""
    characters = sum(len(message.content) for message in request.messages)
    if request.output_schema is not None:
        characters += len(dump(request.output_schema))
    return characters // CHARACTERS + 8 * len(request.messages)
