"""How many tokens a text is, about: for budgets, limits and estimates, before a model's server has counted them."""

from __future__ import annotations

from domain.chat import ChatRequest
from domain.json import dump

CHARACTERS = 3
"""Of a token: English has four, German and code three. Too few tokens would let a budget be overshot."""
_AROUND_A_MESSAGE = 8
"""Tokens by which servers mark the role, the beginning and the end of one."""


def tokens_of(text: str) -> int:
    return len(text) // CHARACTERS + 1


def input_tokens(request: ChatRequest) -> int:
    """About how many tokens go in; rather too many than too few."""
    characters = sum(len(message.content) for message in request.messages)
    if request.output_schema is not None:
        characters += len(dump(request.output_schema))
    return characters // CHARACTERS + _AROUND_A_MESSAGE * len(request.messages)
