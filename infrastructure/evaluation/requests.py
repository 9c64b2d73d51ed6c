"""The request that a prompt makes of a model: as the runtime makes it, so that what is measured is what runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.chat import ChatRequest
from domain.prompt import Prompt


def request_for(prompt: Prompt, values: Mapping[str, Any], seed: int | None = None) -> ChatRequest:
    """`seed` stands in for the prompt's own.

    Raises:
        InvalidInput, PromptInvalid

    """
    return ChatRequest(
        messages=prompt.render(values),
        max_tokens=prompt.max_tokens,
        output_schema=prompt.output_schema,
        output_name=prompt.name.replace("-", "_"),
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        seed=prompt.seed if seed is None else seed,
        timeout=prompt.timeout,
    )
