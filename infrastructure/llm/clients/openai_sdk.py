"""The openai SDK as a client, for those who use its hooks already. Needs the extra `openai`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from json import JSONDecodeError
from typing import Any

import openai
from pydantic import ValidationError

from domain import json
from domain.chat import ChatReply, ChatRequest
from domain.errors import AgentError
from infrastructure.llm.clients.credentials import ApiKey, EntraToken
from infrastructure.llm.clients.endpoint import Endpoint
from infrastructure.llm.clients.failures import failure, timed_out, unreachable
from infrastructure.llm.clients.probe import (
    PROBE_TIMEOUT,
    PROBE_WITHOUT_MESSAGES,
    require_listed,
    require_probe_passed,
)
from infrastructure.llm.clients.reply import (
    MAX_ANSWER_BYTES,
    Answer,
    Chunk,
    Completion,
    cut_off,
    too_large,
    unreadable,
)
from infrastructure.llm.clients.request import body_for

_TIMEOUT = openai.Timeout(None, connect=10.0)  # the whole call is bounded by its request


class OpenAIModel:
    """`domain.ports.model.LanguageModel` on AsyncOpenAI or AsyncAzureOpenAI."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = client_for(endpoint)

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        body = body_for(request, self._endpoint, stream=on_text is not None)
        async with sdk_errors(self._endpoint, request.timeout):
            reply: Any = await self._client.chat.completions.create(**body)
            if on_text is None:
                answer = whole(self._endpoint, reply)
            else:
                async with reply:
                    answer = await streamed(self._endpoint, reply, on_text)
        return answer.reply(request)

    async def check(self) -> None:
        await check(self._client, self._endpoint)

    async def close(self) -> None:
        await self._client.close()
        await self._endpoint.credential.close()


def client_for(endpoint: Endpoint) -> Any:
    """The SDK's client for this endpoint. It makes no retries of its own: trying again is decided in one place."""
    # A redirect could carry the key elsewhere; here it is an error that names its status.
    transport = openai.DefaultAsyncHttpxClient(timeout=_TIMEOUT, follow_redirects=False)
    common: dict[str, Any] = {
        "base_url": endpoint.url,
        "max_retries": 0,
        "timeout": _TIMEOUT,
        "http_client": transport,
    }
    credential = endpoint.credential
    key = credential.key.get_secret_value() if isinstance(credential, ApiKey) else None
    if not endpoint.query:
        return openai.AsyncOpenAI(
            api_key=key or "none", **common
        )  # the SDK insists on a key, Ollama ignores it
    return openai.AsyncAzureOpenAI(
        api_version=endpoint.query["api-version"],
        api_key=key,
        azure_ad_token_provider=credential.token if isinstance(credential, EntraToken) else None,
        **common,
    )


async def check(client: Any, endpoint: Endpoint) -> None:
    """`LanguageModel.check` by the SDK's client."""
    async with sdk_errors(endpoint, PROBE_TIMEOUT):
        if endpoint.lists_models:
            require_listed(endpoint, (await client.models.with_raw_response.list()).content)
            return
        try:
            await client.chat.completions.create(model=endpoint.model, **PROBE_WITHOUT_MESSAGES)
        except openai.APIStatusError as error:
            require_probe_passed(endpoint, error.status_code, error.response.headers, error.response.content)


def whole(endpoint: Endpoint, completion: object) -> Answer:
    """Read the SDK's object, which it builds from the wire without looking at it."""
    try:
        answer = Answer.whole(endpoint, Completion.model_validate(completion))
    except ValidationError as error:
        raise unreadable(endpoint, _as_received(completion), error) from None
    if len(answer.pieces[0]) > MAX_ANSWER_BYTES:
        raise too_large(endpoint)
    return answer


async def streamed(
    endpoint: Endpoint, chunks: AsyncIterator[object], on_text: Callable[[str], None]
) -> Answer:
    answer, size = Answer(endpoint), 0
    async for chunk in chunks:
        try:
            text = answer.add(Chunk.model_validate(chunk))
        except ValidationError as error:
            raise unreadable(endpoint, _as_received(chunk), error) from None
        size += len(text)
        if size > MAX_ANSWER_BYTES:
            raise too_large(endpoint)
        if text:
            on_text(text)
    if answer.finish_reason is None:
        raise cut_off(endpoint)
    return answer


@asynccontextmanager
async def sdk_errors(endpoint: Endpoint, seconds: float) -> AsyncIterator[None]:
    """Bound a call in time and turn the SDK's errors, also those that another library wraps, into ours."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except AgentError:
        raise
    except TimeoutError as error:
        raise timed_out(endpoint, seconds) from error
    except Exception as error:
        known = translated(endpoint, error)
        if known is None:
            raise
        raise known from error


def translated(endpoint: Endpoint, error: Exception) -> AgentError | None:
    """Our error for one of the SDK's; None for any other exception."""
    for cause in _causes(error):
        match cause:
            case AgentError():
                return cause
            case openai.APIStatusError():
                return failure(endpoint, cause.status_code, cause.response.headers, cause.response.content)
            case openai.APIConnectionError():
                return unreachable(endpoint, cause)
            case openai.APIError():  # an error event in a stream
                return failure(endpoint, 500, {}, json.dump({"error": cause.body or cause.message}))
            case JSONDecodeError():
                return unreadable(endpoint, cause.doc, cause)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _as_received(reply: object) -> str:
    """The SDK hands out the text itself when a reply is not JSON, else an object made of whatever came."""
    if isinstance(reply, str):
        return reply
    dump = getattr(reply, "to_json", None)
    return str(dump(indent=None, warnings=False)) if dump else repr(reply)
