"""Semantic Kernel's chat connector as a client, for kernels with plugins. Needs the extra `semantic-kernel`.

One connector for all, the one for OpenAI, around the SDK's client. SK's Ollama connector drops `max_tokens` and never
reports a finish reason, so that a truncated answer would pass for a whole one; its Azure connector reads AZURE_OPENAI_*
by itself and refuses addresses without https.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory

from domain.chat import ChatReply, ChatRequest
from domain.errors import ModelAnswerInvalid
from infrastructure.llm.clients.endpoint import Endpoint
from infrastructure.llm.clients.failures import excerpt
from infrastructure.llm.clients.openai_sdk import check, client_for, sdk_errors, streamed, translated, whole
from infrastructure.llm.clients.request import body_for


class SemanticKernelModel:
    """`domain.ports.model.LanguageModel` on a Semantic Kernel service; `service` can be added to a kernel."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = client_for(endpoint)
        self.service: Any = OpenAIChatCompletion(ai_model_id=endpoint.model, async_client=self._client)

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        body = body_for(request, self._endpoint, stream=False)
        history = ChatHistory()
        for message in body.pop("messages"):
            history.add_message(message)
        settings = OpenAIChatPromptExecutionSettings(ai_model_id=body.pop("model"), **body)
        async with sdk_errors(self._endpoint, request.timeout):
            if on_text is None:
                contents = await self._checked(self.service.get_chat_message_contents(history, settings))
                answer = whole(self._endpoint, contents[0].inner_content if contents else {"choices": []})
            else:
                async with aclosing(
                    self.service.get_streaming_chat_message_contents(history, settings)
                ) as chunks:
                    answer = await streamed(self._endpoint, self._inner(chunks), on_text)
        return answer.reply(request)

    async def check(self) -> None:
        await check(self._client, self._endpoint)

    async def close(self) -> None:
        await self._client.close()
        await self._endpoint.credential.close()

    async def _inner(self, chunks: AsyncIterator[list[Any]]) -> AsyncIterator[object]:
        """The wire's chunk in each of SK's, which repeats it once per choice."""
        while contents := await self._checked(anext(chunks, None)):
            yield contents[0].inner_content

    async def _checked(self, reading: Awaitable[Any]) -> Any:
        """SK reads replies without looking: what is malformed surfaces as any exception of its own code."""
        try:
            return await reading
        except Exception as error:
            known = translated(self._endpoint, error)
            if known is not None:
                raise known from error
            raise ModelAnswerInvalid(
                f"{self._endpoint.server} sent a reply that Semantic Kernel cannot read: {excerpt(repr(error))}"
            ) from error
