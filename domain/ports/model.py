from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from domain.chat import ChatReply, ChatRequest


class LanguageModel(Protocol):
    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        """Ask for one answer. With `on_text` the answer is streamed to it piece by piece, and still returned whole.

        Raises:
            ModelTruncated, ModelRefused, ModelTimeout, ModelRateLimited, ModelMisconfigured, ModelUnavailable

        """
        ...

    async def check(self) -> None:
        """Return when the server answers and knows the model, without spending a token; else raise one of the above."""
        ...

    async def close(self) -> None: ...
