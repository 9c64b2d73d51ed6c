"""What every server of embeddings gives us, and what it can do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pydantic import SecretStr

from cli.local.ports import free_ports
from domain import json
from domain.errors import (
    AgentError,
    ModelAnswerInvalid,
    ModelMisconfigured,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
)
from infrastructure.llm.clients import endpoint as servers
from infrastructure.llm.clients.embeddings import Embeddings, cosine
from infrastructure.llm.clients.endpoint import Cures, Endpoint, openai
from tests.integration.ollama import OLLAMA_MODEL
from tests.stand_ins import azure_openai
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, Play, broken_off, raw, serving, status

CURES = Cures("mend the model", "mend the key", "mend the address")
TEXTS = ("The printer on the third floor is out of paper.", "My password has expired.")


@pytest.fixture(
    params=[
        "openai",
        "azure",
        pytest.param("ollama", marks=[pytest.mark.integration, pytest.mark.timeout(400)]),
    ]
)
def chosen(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The server, and the address of a real one (started outside of any event loop)."""
    return request.param, request.getfixturevalue("ollama") if request.param == "ollama" else ""


@pytest.fixture
async def endpoint(chosen: tuple[str, str]) -> AsyncIterator[Endpoint]:
    name, address = chosen
    if name == "ollama":
        yield servers.ollama(address, OLLAMA_MODEL, CURES)
    elif name == "azure":
        server = azure_openai.AzureOpenAIServer()
        async with serving(server):
            key = SecretStr(azure_openai.AZURE_KEY)
            yield servers.azure_openai(
                server.endpoint, azure_openai.DEPLOYMENT, azure_openai.API_VERSION, key, CURES
            )
    else:
        async with serving(OpenAIServer()) as plain:
            yield openai(plain.url, MODEL, SecretStr(KEY), CURES)


@pytest.fixture
async def embeddings(endpoint: Endpoint) -> AsyncIterator[Embeddings]:
    made = Embeddings(endpoint)
    yield made
    await made.close()


async def test_each_text_has_a_vector_of_length_1_in_the_order_of_the_texts(embeddings: Embeddings) -> None:
    both = await embeddings.embed(TEXTS, timeout=60)
    alone = await embeddings.embed(TEXTS[1:], timeout=60)
    assert [cosine(vector, vector) for vector in both.vectors] == pytest.approx([1, 1])
    assert cosine(both.vectors[1], alone.vectors[0]) == pytest.approx(1, abs=0.01)
    assert cosine(*both.vectors) < 0.95
    assert 0 < alone.tokens < both.tokens


async def test_a_model_that_the_server_does_not_have_is_named(endpoint: Endpoint) -> None:
    unknown = (
        servers.azure_openai(
            endpoint.url.partition("/openai/")[0], "gone", azure_openai.API_VERSION, SecretStr(azure_openai.AZURE_KEY), CURES
        )
        if endpoint.query
        else openai(endpoint.url, "gone", SecretStr(KEY), CURES)
    )  # fmt: skip
    embeddings = Embeddings(unknown)
    with pytest.raises(ModelMisconfigured, match=r"has no (model|deployment) 'gone': mend the model"):
        await embeddings.embed(TEXTS, timeout=60)
    await embeddings.close()


async def hang(request: web.Request, body: object) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


def gives(*vectors: list[float]) -> Play:
    return raw(json.dump({"data": [{"embedding": one, "index": n} for n, one in enumerate(vectors)]}))


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (status(429, Retry_After="7"), ModelRateLimited),
        (status(503), ModelUnavailable),
        (status(400, {"error": {"message": "this model does not support embeddings"}}), ModelMisconfigured),
        (broken_off(), ModelUnavailable),
        (hang, ModelTimeout),
        (raw(b"<html>"), ModelUnavailable),
        (raw(b'{"data": [{"embedding": ["a"]}]}'), ModelAnswerInvalid),
        (raw(b'{"data": [' + b" " * 5_000_000 + b"]}"), ModelAnswerInvalid),
        (gives([1.0, 0.0]), ModelAnswerInvalid),  # one for two texts
        (gives([1.0, 0.0], [1.0]), ModelAnswerInvalid),
        (gives([1.0, 0.0], [0.0, 0.0]), ModelAnswerInvalid),
        (gives([], []), ModelAnswerInvalid),
        (raw(b'{"data": [{"embedding": [1e999]}, {"embedding": [1.0]}]}'), ModelAnswerInvalid),
    ],
)
async def test_whatever_a_server_does_wrong_is_an_error_of_ours(play: Play, error: type[AgentError]) -> None:
    async with serving(OpenAIServer()) as server:
        server.next_embedding.append(play)
        embeddings = Embeddings(openai(server.url, MODEL, SecretStr(KEY), CURES))
        with pytest.raises(error):
            await embeddings.embed(TEXTS, timeout=1)
        assert len((await embeddings.embed(TEXTS, timeout=60)).vectors) == 2
        await embeddings.close()


async def test_a_server_that_is_not_there_is_unavailable_and_no_secret_is_told() -> None:
    embeddings = Embeddings(openai(f"http://127.0.0.1:{free_ports(1)[0]}/v1", MODEL, SecretStr(KEY), CURES))
    with pytest.raises(ModelUnavailable, match="refuses connections: mend the address") as raised:
        await embeddings.embed(TEXTS, timeout=5)
    await embeddings.close()
    assert KEY not in raised.value.message
