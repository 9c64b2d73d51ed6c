"""Texts as vectors, of which the angle says how near their meanings are: OpenAI's `/v1/embeddings`, which Ollama and Azure speak too.

https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from operator import mul
from typing import TypeAlias

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from domain import json
from domain.errors import ModelAnswerInvalid, ModelTimeout
from infrastructure.llm.clients.endpoint import Endpoint
from infrastructure.llm.clients.failures import failure, unreachable
from infrastructure.llm.clients.lean import open_session
from infrastructure.llm.clients.reply import MAX_ANSWER_BYTES, too_large, unreadable

Vector: TypeAlias = tuple[float, ...]
"""Of length 1, so that the sum of the products of two is the cosine of their angle."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector for each text, in the order of the texts; `tokens` as the server counted them, 0 where it does not."""

    vectors: tuple[Vector, ...]
    tokens: int


class Embeddings:
    """One embedding model of one server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.model = endpoint.model
        self._endpoint = endpoint
        self._url = URL(f"{endpoint.url}/embeddings", encoded=True).with_query(dict(endpoint.query))
        self._session: aiohttp.ClientSession | None = None

    async def embed(self, texts: Sequence[str], *, timeout: float) -> Embedded:  # noqa: ASYNC109 - as a request's
        """Raises what `LanguageModel.complete` does; `timeout` in seconds."""
        body = json.dump({"model": self._endpoint.model, "input": list(texts), "encoding_format": "float"})
        try:
            async with asyncio.timeout(timeout):
                content = await self._post(body)
        except aiohttp.ClientError as error:
            raise unreachable(self._endpoint, error) from error
        except TimeoutError as error:
            raise ModelTimeout(
                f"{self._endpoint.model} of {self._endpoint.server} gave no vectors within {timeout:g} s",
                timeout=timeout,
            ) from error
        return self._read(content, len(texts))

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._endpoint.credential.close()

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            self._session = open_session(self._url)
        headers = await self._endpoint.credential.headers()
        # A redirect could carry the key elsewhere; it is an error that names its status.
        async with self._session.post(
            self._url, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = b""
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise too_large(self._endpoint)
            if response.status != 200:
                raise failure(self._endpoint, response.status, response.headers, content)
            return content

    def _read(self, content: bytes, wanted: int) -> Embedded:
        try:
            answer = _Answer.model_validate_json(content)
        except ValidationError as error:
            raise unreadable(self._endpoint, content, error) from None
        found = [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        lengths = [sqrt(sum(value * value for value in vector)) for vector in found]
        sizes = {len(vector) for vector in found}
        if len(found) != wanted or len(sizes) != 1 or not all(isfinite(one) and one > 0 for one in lengths):
            raise ModelAnswerInvalid(
                f"{self._endpoint.server} gave {len(found)} vectors of {sorted(sizes)} numbers for {wanted} texts, or one that "
                f"has no direction: is {self._endpoint.model} an embedding model?"
            )
        vectors = (
            tuple(value / length for value in vector) for vector, length in zip(found, lengths, strict=True)
        )
        return Embedded(tuple(vectors), answer.usage.prompt_tokens if answer.usage else 0)


def cosine(one: Vector, other: Vector) -> float:
    return float(sum(map(mul, one, other)))


class _Usage(BaseModel):
    prompt_tokens: int = 0


class _One(BaseModel):
    embedding: list[float]
    index: int = 0


class _Answer(BaseModel):
    data: list[_One]
    usage: _Usage | None = None
