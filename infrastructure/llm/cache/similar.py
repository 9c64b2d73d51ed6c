"""Questions that were asked nearly so before: their vectors in the state store, one document for each task and prompt.

The document holds where an answer lies, not the answer: that is the exact cache's own, ends with its time, and is gone for
similar questions too once it is taken back. Only questions that the model itself has answered are in it, so that no chain
of near questions leads away from what was asked.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain import json
from domain.chat import ChatRequest, Origin
from domain.documents import Kept, read, update
from domain.errors import AgentError
from domain.ports.state import StateStore
from infrastructure.llm.cache.embedding import TIMEOUT, CacheEmbedding
from infrastructure.llm.cache.question import question_of
from infrastructure.llm.catalogue.caching import Caching
from infrastructure.llm.catalogue.schema import Catalogue
from infrastructure.llm.clients.embeddings import Embeddings, Vector, cosine
from infrastructure.llm.clients.endpoint import endpoint_of

if TYPE_CHECKING:
    from infrastructure.llm.stack import Surroundings

log = logging.getLogger(__name__)

LARGEST: Final = 400_000
"""Bytes of a document, about: it is read for each question, and no store takes documents of any size."""
TRIED: Final = 3
"""Of the nearest questions, whose answers may be gone by now."""


class _Entry(Kept):
    """`answer` is a key of the exact cache; each vector is base64 of half-precision numbers."""

    same: str
    answer: str
    vectors: tuple[str, ...]


class _Asked(Kept):
    """The oldest first."""

    entries: tuple[_Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A question as it is kept: under which key, what must be equal, and the vectors of what may differ."""

    key: str
    same: str
    vectors: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """Where the answer of a near question lies. `similarity` is that of the pair of texts that differ most."""

    answer: str
    similarity: float


class SimilarQuestions:
    """`identity` is what makes vectors comparable and answers interchangeable: of the embedding model and the model asked."""

    def __init__(
        self,
        store: StateStore,
        embedding: CacheEmbedding,
        *,
        identity: str,
        at_least: float,
        keep: int,
        ttl: int,
    ) -> None:
        self._store = store
        self._embedding = embedding
        self._identity = identity
        self._at_least = at_least
        self._keep = keep
        self._ttl = ttl

    async def compared(self, request: ChatRequest) -> Compared | None:
        """None for a question that is like no other: nothing in it may differ, or the embedding model fails."""
        question, origin = question_of(request), request.origin
        if question is None or origin is None:
            return None
        vectors = await self._embedding.vectors(request, question.pieces)
        return None if vectors is None else Compared(self._key(request, origin), question.same, vectors)

    async def nearest(self, asked: Compared) -> Sequence[Near]:
        """The nearest first; none when the store cannot be asked."""
        try:
            known = await read(self._store, _Asked, asked.key) or _Asked()
        except AgentError as error:
            log.warning("no similar questions are looked for: %s", error)
            return ()
        found = [
            Near(entry.answer, similarity)
            for entry in known.entries
            if entry.same == asked.same
            and (similarity := _similarity(asked.vectors, entry.vectors)) >= self._at_least
        ]
        return sorted(found, key=lambda near: near.similarity, reverse=True)[:TRIED]

    async def keep(self, asked: Compared, answer: str) -> None:
        entry = _Entry(same=asked.same, answer=answer, vectors=tuple(map(_packed, asked.vectors)))

        def added(known: _Asked | None) -> _Asked:
            others = [one for one in known.entries if one.answer != answer] if known else []
            return _Asked(entries=self._bounded([*others, entry]))

        try:
            await update(self._store, _Asked, asked.key, added, ttl=self._ttl)
        except AgentError as error:
            log.warning("the question is not kept for similar ones: %s", error)

    async def close(self) -> None:
        await self._embedding.close()

    def _key(self, request: ChatRequest, origin: Origin) -> str:
        whole = [
            self._identity,
            [origin.agent, origin.task, origin.prompt, origin.version],
            [request.output_schema, request.output_name],
            [request.max_tokens, request.temperature, request.top_p, request.seed],
        ]
        return f"model-cache-similar:{hashlib.sha256(json.dump(whole)).hexdigest()}"

    def _bounded(self, entries: Sequence[_Entry]) -> tuple[_Entry, ...]:
        """The newest of them."""
        size, kept = 0, 0
        for entry in reversed(entries[-self._keep :]):
            size += sum(map(len, entry.vectors)) + len(entry.same) + len(entry.answer)
            if size > LARGEST and kept:
                break
            kept += 1
        return tuple(entries[-kept:])


def similar_of(
    caching: Caching, asked: str, catalogue: Catalogue, around: Surroundings
) -> SimilarQuestions | None:
    """What `cache.similar` says; `asked` is the identity of the model whose answers are kept. None where it is off."""
    if (similar := caching.similar) is None:
        return None
    named = catalogue.models[similar.model]
    endpoint = endpoint_of(named, similar.model, catalogue.file, around.environment)
    embedding = CacheEmbedding(
        Embeddings(endpoint), similar.model, named.prices, around.ledger, around.telemetry,
        timeout=named.timeout or TIMEOUT,
    )  # fmt: skip
    return SimilarQuestions(
        around.store,
        embedding,
        identity=f"{named.provider} {named.url} {named.wire_name} for {asked}",
        at_least=similar.at_least,
        keep=similar.keep,
        ttl=max(int(caching.ttl), 1),
    )


def _similarity(asked: Sequence[Vector], packed: Sequence[str]) -> float:
    """Of the pair that differs most: a change in one of the texts must not drown in the others."""
    known = [_unpacked(vector) for vector in packed]
    if [len(vector) for vector in known] != [len(vector) for vector in asked]:
        return -1.0  # the embedding model was exchanged under its name
    return min(1.0, *map(cosine, asked, known))


def _packed(vector: Vector) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}e", *vector)).decode()


def _unpacked(packed: str) -> Vector:
    data = base64.b64decode(packed)
    return struct.unpack(f"<{len(data) // 2}e", data)
