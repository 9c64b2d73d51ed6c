"""What an evaluation may take, said before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.chat import ChatRequest
from domain.tokens import input_tokens
from infrastructure.evaluation.answers import Asker


@dataclass(frozen=True, slots=True)
class Price:
    """Per million tokens, in whatever currency the provider bills."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """`output_tokens` is the most that the prompts allow: answers are usually a third of it. A judge's calls come on top."""

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def words(self, price: Price | None) -> str:
        cost = f", {price.of(self.input_tokens, self.output_tokens):.2f} at most" if price else ""
        cached = f" ({self.cached} more are answered from the cache)" if self.cached else ""
        return (
            f"{self.calls} calls{cached}, about {self.input_tokens:,} input tokens, "
            f"at most {self.output_tokens:,} output tokens{cost}"
        )


def estimate(requests: Iterable[ChatRequest], asker: Asker) -> Estimate:
    calls = cached = going_in = output_tokens = 0
    for request in requests:
        if asker.knows(request):
            cached += 1
            continue
        calls += 1
        going_in += input_tokens(request)
        output_tokens += request.max_tokens
    return Estimate(calls, cached, going_in, output_tokens)
