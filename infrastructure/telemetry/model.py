"""`LanguageModel`, traced and measured by the GenAI semantic conventions. No text of prompt or answer is recorded.

https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md
"""

from __future__ import annotations

from collections.abc import Callable

from domain.chat import ChatReply, ChatRequest
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.telemetry.call import Call

_PROVIDERS = {"azure-openai": "azure.ai.openai"}
"""Our names of providers that have another one in the conventions."""


class TracedModel:
    """`provider` is the setting LLM_PROVIDER, `name` the model (or deployment) that is asked."""

    def __init__(self, model: LanguageModel, telemetry: Telemetry, *, provider: str, name: str) -> None:
        self._model = model
        self._telemetry = telemetry
        self._span_name = f"chat {name}"
        self._labels = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
            "gen_ai.request.model": name,
        }
        self._input_labels = {**self._labels, "gen_ai.token.type": "input"}
        self._output_labels = {**self._labels, "gen_ai.token.type": "output"}

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        asked = {
            **self._labels,
            "gen_ai.output.type": "text" if request.output_schema is None else "json",
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.stream": on_text is not None,
        }
        for setting in ("temperature", "top_p", "seed"):
            if (value := getattr(request, setting)) is not None:
                asked[f"gen_ai.request.{setting}"] = value
        with Call(
            self._telemetry,
            self._span_name,
            kind="client",
            histogram="gen_ai.client.operation.duration",
            labels=self._labels,
            attributes=asked,
        ) as span:
            reply = await self._model.complete(request, on_text)
            span.set(
                {
                    "gen_ai.response.model": reply.model,
                    "gen_ai.usage.input_tokens": reply.usage.input_tokens,
                    "gen_ai.usage.output_tokens": reply.usage.output_tokens,
                }
            )
        self._telemetry.record("gen_ai.client.token.usage", reply.usage.input_tokens, self._input_labels)
        self._telemetry.record("gen_ai.client.token.usage", reply.usage.output_tokens, self._output_labels)
        return reply

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()
