from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from domain.chat import ChatRequest, Message, Usage
from domain.errors import ModelTimeout
from infrastructure.llm.clients.endpoint import endpoint_from
from infrastructure.llm.clients.failures import unreachable
from infrastructure.llm.clients.lean import LeanModel, open_session
from infrastructure.llm.clients.settings import ModelSettings
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, chunk, raw, serving, slow, stream_of

REQUEST = ChatRequest(messages=(Message("user", "Hello"),), max_tokens=100, timeout=5)
REPLY = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": null}}'


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with serving(OpenAIServer()) as opened:
        yield opened


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[LeanModel]:
    settings = ModelSettings(
        llm_provider="openai", openai_base_url=server.url, openai_api_key=KEY, openai_model=MODEL
    )
    opened = LeanModel(endpoint_from(settings))
    yield opened
    await opened.close()


async def test_a_server_that_does_not_stream_is_heard_all_the_same(
    model: LeanModel, server: OpenAIServer
) -> None:
    server.next.append(raw(REPLY))
    pieces: list[str] = []
    reply = await model.complete(REQUEST, pieces.append)
    assert (reply.text, pieces) == ("Hi.", ["Hi."])


async def test_tokens_that_nobody_counted_are_none_and_a_model_without_a_name_is_ours(
    model: LeanModel, server: OpenAIServer
) -> None:
    server.next.append(raw(REPLY))
    reply = await model.complete(REQUEST)
    assert reply.usage == Usage(0, 0)
    assert reply.model == MODEL


async def test_a_stream_counts_its_tokens_in_its_last_event(model: LeanModel, server: OpenAIServer) -> None:
    usage = '{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}'
    server.next.append(stream_of(chunk("Hi."), chunk(finish_reason="stop"), usage, done=True))
    reply = await model.complete(REQUEST, lambda _: None)
    assert reply.usage == Usage(3, 4)


async def test_an_error_of_the_listener_is_the_callers_own(model: LeanModel) -> None:
    def listener(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await model.complete(REQUEST, listener)


async def test_one_connection_serves_calls_one_after_another(model: LeanModel, server: OpenAIServer) -> None:
    for _ in range(5):
        await model.complete(REQUEST)
    session = model._session
    assert session is not None
    assert session.connector is not None
    assert sum(len(idle) for idle in session.connector._conns.values()) == 1


async def test_a_call_that_timed_out_ends_its_connection_so_that_the_server_stops(
    model: LeanModel, server: OpenAIServer
) -> None:
    ended = asyncio.Event()

    async def generating(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        try:
            return await slow(5)(request, body)
        finally:
            ended.set()

    server.next.append(generating)
    with pytest.raises(ModelTimeout):
        await model.complete(ChatRequest(REQUEST.messages, max_tokens=5, timeout=0.1))
    await asyncio.wait_for(ended.wait(), 60)


def test_making_a_model_opens_nothing() -> None:
    LeanModel(endpoint_from(ModelSettings(llm_provider="ollama")))
    gc.collect()  # an unclosed session would warn, and a warning is an error


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://res.openai.azure.com/", "http://proxy:3128"),
        ("http://127.0.0.1:11434/", None),
        ("http://[::1]:11434/", None),
        ("https://inside.example/", None),
    ],
)
async def test_the_proxy_of_the_environment_is_used_but_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.setenv(name, "" if name == "no_proxy" else "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    async with open_session(URL(url)) as session:
        assert (str(session._default_proxy) if session._default_proxy else None) == proxy


def test_a_certificate_that_nobody_trusts_is_named() -> None:
    error = ConnectionError("cannot connect")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    message = unreachable(endpoint_from(ModelSettings(llm_provider="ollama")), error).message
    assert "no trusted TLS connection to Ollama" in message
    assert "self-signed certificate" in message
