"""The default client: chat completions over one aiohttp pool, and nothing else (0.1 ms CPU a call, an SDK takes 1.5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.request import getproxies, proxy_bypass

import aiohttp
from pydantic import ValidationError
from yarl import URL

from domain import json
from domain.chat import ChatReply, ChatRequest
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

_CONNECT_TIMEOUT = 10.0


class LeanModel:
    """`domain.ports.model.LanguageModel` for Ollama, Azure OpenAI and every OpenAI-compatible server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._chat_url = URL(f"{endpoint.url}/chat/completions", encoded=True).with_query(
            dict(endpoint.query)
        )
        self._models_url = URL(f"{endpoint.url}/models", encoded=True)
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        body = json.dump(body_for(request, self._endpoint, stream=on_text is not None))
        async with self._errors(request.timeout), self._send("POST", self._chat_url, body) as response:
            if response.status != 200:
                raise failure(self._endpoint, response.status, response.headers, await self._read(response))
            if on_text is not None and response.content_type == "text/event-stream":
                answer = await self._streamed(response, on_text)
            else:
                answer = self._whole(await self._read(response))
                if on_text is not None:  # a server that does not stream
                    on_text("".join(answer.pieces))
        return answer.reply(request)

    async def check(self) -> None:
        endpoint = self._endpoint
        if endpoint.lists_models:
            method, url, body = "GET", self._models_url, None
        else:
            method, url, body = "POST", self._chat_url, json.dump(PROBE_WITHOUT_MESSAGES)
        async with self._errors(PROBE_TIMEOUT), self._send(method, url, body) as response:
            content = await self._read(response)
        if not endpoint.lists_models:
            require_probe_passed(endpoint, response.status, response.headers, content)
        elif response.status != 200:
            raise failure(endpoint, response.status, response.headers, content)
        else:
            require_listed(endpoint, content)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._endpoint.credential.close()

    def _whole(self, content: bytes) -> Answer:
        try:
            completion = Completion.model_validate_json(content)
        except ValidationError as error:
            raise unreadable(self._endpoint, content, error) from None
        return Answer.whole(self._endpoint, completion)

    async def _streamed(self, response: aiohttp.ClientResponse, on_text: Callable[[str], None]) -> Answer:
        answer = Answer(self._endpoint)
        async for event in _events(self._chunks(response)):
            if event == b"[DONE]":
                break
            try:
                chunk = Chunk.model_validate_json(event)
            except ValidationError as error:
                raise unreadable(self._endpoint, event, error) from None
            if chunk.error is not None:
                raise failure(self._endpoint, 500, {}, event)
            if text := answer.add(chunk):
                on_text(text)
        if answer.finish_reason is None:
            raise cut_off(self._endpoint)
        return answer

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        return b"".join([chunk async for chunk in self._chunks(response)])

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise too_large(self._endpoint)
            yield chunk

    @asynccontextmanager
    async def _send(self, method: str, url: URL, body: bytes | None) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = open_session(url)
        headers = await self._endpoint.credential.headers()
        # A redirect could carry the key elsewhere; it is an error that names its status.
        async with self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False
        ) as response:
            yield response

    @asynccontextmanager
    async def _errors(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except aiohttp.ClientError as error:
            raise unreachable(self._endpoint, error) from error
        except TimeoutError as error:
            raise timed_out(self._endpoint, seconds) from error


def open_session(url: URL) -> aiohttp.ClientSession:
    host = url.host or ""
    bypass = host in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(host)
    return aiohttp.ClientSession(
        # How many calls run at once is the runtime's decision; a limit here would be a second, hidden queue.
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json", "User-Agent": "my-agents"},
        proxy=None if bypass else getproxies().get(url.scheme),
    )


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each server-sent event. Chat servers put it on one line each."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
