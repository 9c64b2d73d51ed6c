"""How much of everything a call uses up."""

from __future__ import annotations

from dataclasses import dataclass

from infrastructure.llm.catalogue.schema import Resource


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
