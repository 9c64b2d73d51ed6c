"""An answer that was paid for once serves the same question again, where the file of models says so.

The same is the same model, messages, parameters, schema and agent: SHA-256 of all that. Answers that were drawn by chance
(a temperature above 0, or none given) are kept only where that is asked for, and a question to repair an answer takes back
what was kept of that answer. Equal questions at the same time are asked once. A store that is down costs the answer again,
nothing else.

Where `similar` is on, a question that was never asked so may get the answer of one whose inputs are nearly the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from domain import json
from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import AgentError
from domain.ports.model import LanguageModel
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from infrastructure.llm.cache.similar import Compared, SimilarQuestions

log = logging.getLogger(__name__)

REMEMBERED = 1_000
"""Questions of which a process remembers that they were answered, so that it can take an answer back."""


class CachedModel:
    """`LanguageModel` around another one. `identity` is what makes its answers its own: server and model; `ttl` in seconds."""

    def __init__(
        self,
        model: LanguageModel,
        store: StateStore,
        *,
        identity: str,
        ttl: int,
        sampled: bool,
        telemetry: Telemetry,
        served: Callable[[ChatRequest], None],
        similar: SimilarQuestions | None = None,
    ) -> None:
        """`served` is told of each question that was answered without the model."""
        self._model = model
        self._store = store
        self._identity = identity
        self._ttl = ttl
        self._sampled = sampled
        self._telemetry = telemetry
        self._served = served
        self._similar = similar
        self._asking: dict[str, asyncio.Future[ChatReply]] = {}
        self._answered: OrderedDict[str, str] = OrderedDict()
        """Under the key of a question, the key under which its answer lies."""

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if request.temperature != 0 and not self._sampled:
            return await self._model.complete(request, on_text)
        if (doubted := self._doubts(request)) is not None:
            await self._forget(doubted)
            return await self._model.complete(request, on_text)
        key = self._key(request)
        while key in self._asking:
            # Cancelled, who asked leaves the question to the next one.
            await asyncio.wait({asking := self._asking[key]})
            if not asking.cancelled():
                return self._again(request, asking.result(), on_text)
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        compared: Compared | None = None
        try:
            found, lies = await self._find(key), key
            if found is None and self._similar is not None:
                compared = await self._similar.compared(request)
                found, lies = await self._find_similar(compared, key)
            reply = found or await self._model.complete(request, on_text)
            asking.set_result(reply)
        except AgentError as error:
            asking.set_exception(error)
            asking.exception()  # looked at: that nobody else waits is no mistake
            raise
        finally:
            if not asking.done():
                asking.cancel()
            del self._asking[key]
        self._remember(key, lies)
        if found is not None:
            return self._again(request, found, on_text)
        self._count("miss")
        await self._keep(key, reply)
        if compared is not None and self._similar is not None:
            await self._similar.keep(compared, key)
        return reply

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        if self._similar is not None:
            await self._similar.close()
        await self._model.close()

    def _key(self, request: ChatRequest) -> str:
        whole = [
            self._identity,
            request.origin.agent if request.origin else None,
            [(message.role, message.content) for message in request.messages],
            request.output_schema,
            request.output_name,
            [request.max_tokens, request.temperature, request.top_p, request.seed],
        ]
        return f"model-cache:{hashlib.sha256(json.dump(whole)).hexdigest()}"

    def _doubts(self, request: ChatRequest) -> str | None:
        """The key of the question whose answer is shown to the model as wrong, if this process answered it."""
        if len(request.messages) < 3 or request.messages[-2].role != "assistant":
            return None
        key = self._key(replace(request, messages=request.messages[:-2]))
        return key if key in self._answered else None

    def _again(
        self, request: ChatRequest, reply: ChatReply, on_text: Callable[[str], None] | None
    ) -> ChatReply:
        similarity = reply.similarity
        self._count("hit" if similarity is None else "similar")
        if similarity is not None:
            log.info("the answer is that of a similar question: similarity %.4f", similarity)
        self._served(request)
        if on_text is not None:
            on_text(reply.text)
        cost = None if reply.cost is None else 0.0
        return ChatReply(reply.text, reply.model, Usage(), cost=cost, cached=True, similarity=similarity)

    async def _find(self, key: str) -> ChatReply | None:
        try:
            stored = await self._store.get(key)
            document = json.parse(stored.data) if stored else {}
            return (
                ChatReply(document["text"], document["model"], Usage(), cost=0.0)
                if document.get("text")
                else None
            )
        except (AgentError, ValueError, TypeError, KeyError) as error:
            log.warning("the cache of answers is passed by: %s", error)
            return None

    async def _find_similar(self, compared: Compared | None, key: str) -> tuple[ChatReply | None, str]:
        """The answer of the nearest question that still has one, and the key under which it lies; else the question's own."""
        if compared is not None and self._similar is not None:
            for near in await self._similar.nearest(compared):
                if (found := await self._find(near.answer)) is not None:
                    return replace(found, similarity=near.similarity), near.answer
        return None, key

    async def _keep(self, key: str, reply: ChatReply) -> None:
        await self._put(key, {"v": 1, "text": reply.text, "model": reply.model})

    async def _forget(self, key: str) -> None:
        await self._put(self._answered.pop(key), {"v": 1})

    async def _put(self, key: str, document: dict[str, object]) -> None:
        try:
            await self._store.put([(key, json.dump(document))], ttl=self._ttl)
        except AgentError as error:
            log.warning("the answer is not kept: %s", error)

    def _remember(self, key: str, lies: str) -> None:
        self._answered[key] = lies
        self._answered.move_to_end(key)
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)

    def _count(self, result: str) -> None:
        self._telemetry.count("agents.model.cache", attributes={"result": result})
