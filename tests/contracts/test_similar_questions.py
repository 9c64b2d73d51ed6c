"""Answers of similar questions: a whole stack from a `models.yaml`, against a server of chats and one of embeddings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from domain.chat import ChatReply, ChatRequest, Message, Origin
from domain.errors import BudgetExceeded, SidecarUnavailable
from domain.ports.model import LanguageModel
from domain.ports.state import Stored
from infrastructure.llm.cache import embedding as cache_embedding
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.llm.catalogue.schema import Budget, Scope, Spending
from infrastructure.llm.spending.costs import CostBook, Spent
from infrastructure.llm.spending.ledger import Ledger, today
from infrastructure.llm.stack import Stack, Surroundings
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from tests.integration.ollama import OLLAMA_MODEL
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, answer, broken_off, raw, serving, status

LONG = "The printer in room Paris prints only blank pages since the toner was changed by a colleague of ours this very morning and nobody here knows what to do about it now"
"""31 words: one of them exchanged leaves a cosine of about 0.97."""
NEAR = "since the toner was changed by a colleague of ours this very morning, the printer in room Paris prints only blank pages and nobody here knows what to do about it now!"
OTHER = LONG.replace("blank", "black")


@dataclass
class System:
    model: LanguageModel
    chat: OpenAIServer
    embedding: OpenAIServer
    store: MemoryStateStore
    telemetry: MemoryTelemetry
    costs: CostBook
    ledger: Ledger

    def counted(self) -> list[int]:
        return [
            self.telemetry.counted("agents.model.cache", result=one) for one in ("hit", "similar", "miss")
        ]

    def documents(self) -> list[bytes]:
        kept = self.store._documents
        found = [kept.get(key) for key in kept if key.startswith("model-cache-similar:")]
        return [document.data for document in found if document is not None]

    async def ask(self, *texts: str, **changed: Any) -> list[ChatReply]:
        return [await self.model.complete(asked(text, **changed)) for text in texts]


def asked(
    text: str, *, task: str = "shout", version: str = "1.0.0", rules: str = "Sort tickets.", **changed: Any
) -> ChatRequest:
    messages = (Message("system", rules), Message("user", f"<ticket>{text}</ticket>"))
    origin = Origin("sample", task, "e1", "c1", "sort", version)
    request = ChatRequest(messages, 100, temperature=0.0, timeout=20, origin=origin, untrusted={"text": text})
    return replace(request, **changed)


@asynccontextmanager
async def system(
    folder: Path,
    similar: str = "{model: near}",
    *,
    store: MemoryStateStore | None = None,
    cache: str = "",
    prices: str = "free",
    near: str | None = None,
    budgets: Mapping[Scope, Spending] | None = None,
) -> AsyncIterator[System]:
    async with serving(OpenAIServer()) as chat, serving(OpenAIServer()) as embedding:
        (folder / "models.yaml").write_text(f"""
currency: EUR
models:
  big: {{provider: openai, address: '{chat.url}', model: {MODEL}, key: KEY, prices: {{input: 1, output: 1}}}}
  near: {near or f"{{provider: openai, address: '{embedding.url}', model: {MODEL}, key: KEY, prices: {prices}, timeout: 1s}}"}
tasks: {{default: {{model: big, cache: {{ttl: 1h, similar: {similar}, {cache}}}}}}}
""")
        telemetry, store = MemoryTelemetry(), store or MemoryStateStore()
        catalogue = load_catalogue(folder / "models.yaml", {"KEY": KEY})

        async def nobody(_: object) -> None: ...

        costs = CostBook(store, "sample", "EUR")
        ledger = Ledger("sample", store, budgets or {}, costs, tell=nobody, telemetry=telemetry, ttl=60)
        around = Surroundings(
            "sample", {"KEY": KEY}, "lean", telemetry, lambda model, *_: model, ledger, store, store
        )
        model = Stack(catalogue, around).model()
        yield System(model, chat, embedding, store, telemetry, costs, ledger)
        await model.close()
        await ledger.close()


async def test_a_question_in_other_words_gets_the_answer_and_says_how_near_it_was(tmp_path: Path) -> None:
    async with system(tmp_path) as it:
        it.chat.next = [answer("paper jam")]
        first, near, again = await it.ask(LONG, NEAR, LONG)
        assert (first.text, first.cached, first.similarity) == ("paper jam", False, None)
        assert (near.text, near.cached, near.usage.output_tokens, near.cost) == ("paper jam", True, 0, 0.0)
        assert near.similarity == pytest.approx(1.0, abs=0.001)
        assert (again.cached, again.similarity) == (
            True,
            None,
        )  # the exact cache goes first, and asks for no vector
        assert (len(it.chat.requests), len(it.embedding.embedded), it.counted()) == (1, 2, [1, 1, 1])
        read: list[str] = []
        await it.model.complete(asked(NEAR), read.append)
        assert read == ["paper jam"]


async def test_a_question_that_is_less_near_than_wanted_is_asked(tmp_path: Path) -> None:
    async with system(tmp_path, "{model: near, at_least: 0.99}") as it:
        assert [reply.cached for reply in await it.ask(LONG, OTHER)] == [False, False]
    async with system(tmp_path, "{model: near, at_least: 0.95}") as it:
        first, other = await it.ask(LONG, OTHER)
        assert (first.similarity, other.cached) == (None, True)
        assert other.similarity is not None
        assert 0.95 < other.similarity < 0.99


async def test_of_several_texts_the_one_that_differs_most_decides(tmp_path: Path) -> None:
    def both(title: str) -> ChatRequest:
        return replace(asked(f"{title}: {LONG}"), untrusted={"title": title, "text": LONG})

    async with system(tmp_path) as it:
        assert not (await it.model.complete(both("printer broken"))).cached
        assert not (await it.model.complete(both("screen broken"))).cached
        assert (await it.model.complete(both("broken printer"))).cached


@pytest.mark.parametrize(
    "changed",
    [
        {"task": "other"},
        {"version": "1.0.1"},
        {"rules": "Sort letters."},
        {"max_tokens": 101},
        {"top_p": 0.5},
        {"seed": 1},
        {"output_name": "other"},
        {
            "output_schema": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            }
        },
        {"temperature": 0.7},
        {"untrusted": None},
    ],
)
async def test_where_anything_else_differs_the_model_is_asked(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    async with system(tmp_path) as it:
        await it.ask(LONG)
        (reply,) = await it.ask(NEAR, **changed)
        assert not reply.cached


async def test_answers_drawn_by_chance_are_given_again_only_where_that_is_asked_for(tmp_path: Path) -> None:
    async with system(tmp_path) as it:
        assert [reply.cached for reply in await it.ask(LONG, NEAR, temperature=0.7)] == [False, False]
        assert it.embedding.embedded == []
    async with system(tmp_path, cache="sampled: true") as it:
        assert [reply.cached for reply in await it.ask(LONG, NEAR, temperature=0.7)] == [False, True]


async def test_another_embedding_model_or_another_model_has_questions_of_its_own(tmp_path: Path) -> None:
    store = MemoryStateStore()
    async with system(tmp_path, store=store) as one:
        await one.ask(LONG)
    async with system(tmp_path, store=store) as other:  # at other addresses
        assert [reply.cached for reply in await other.ask(NEAR)] == [False]


async def test_replicas_share_their_questions(tmp_path: Path) -> None:
    async with system(tmp_path) as it:
        replica = Stack(
            load_catalogue(tmp_path / "models.yaml", {"KEY": KEY}),
            Surroundings(
                "sample",
                {"KEY": KEY},
                "lean",
                it.telemetry,
                lambda model, *_: model,
                it.ledger,
                it.store,
                it.store,
            ),
        ).model()
        await it.ask(LONG)
        reply = await replica.complete(asked(NEAR))
        await replica.close()
        assert reply.similarity is not None


async def test_only_what_the_model_answered_is_compared_with_so_that_no_chain_leads_away(
    tmp_path: Path,
) -> None:
    words = LONG.split()
    step = " ".join([*words[:-1], "today"])
    two_steps = " ".join([*words[:-2], "here", "today"])
    async with system(tmp_path, "{model: near, at_least: 0.96}") as it:
        replies = await it.ask(LONG, step, two_steps)
        assert [reply.similarity is not None for reply in replies] == [False, True, False]


async def test_an_answer_that_the_model_is_shown_as_wrong_is_taken_back_for_similar_questions_too(
    tmp_path: Path,
) -> None:
    async with system(tmp_path) as it:
        it.chat.next = [answer("prose"), answer("better"), answer("whole")]
        _, near = await it.ask(LONG, NEAR)
        assert near.text == "prose"
        request = asked(NEAR)
        shown = (*request.messages, Message("assistant", "prose"), Message("user", "does not fit"))
        assert (await it.model.complete(replace(request, messages=shown))).text == "better"
        assert [reply.text for reply in await it.ask(NEAR, LONG)] == ["whole", "whole"]


async def test_so_many_questions_are_kept_as_the_file_says_the_newest(tmp_path: Path) -> None:
    async with system(tmp_path, "{model: near, keep: 2}") as it:
        towns = [LONG.replace("Paris", town) for town in ("Rome", "Oslo", "Bern")]
        shouted = [text.replace("this very", "this, this very") for text in towns]
        for text in towns:
            it.chat.next.append(answer(text.split()[4]))
            await it.ask(text)
        (document,) = it.documents()
        assert document.count(b'"answer"') == 2
        assert [reply.text for reply in await it.ask(*shouted[1:])] == ["Oslo", "Bern"]


async def test_a_document_has_a_bound_whatever_the_size_of_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.llm.cache.similar.LARGEST", 2_000)
    async with system(tmp_path, "{model: near, keep: 1000}") as it:
        await it.ask(*(LONG.replace("Paris", f"{'P' * number}aris") for number in range(1, 10)))
        (document,) = it.documents()
        assert len(document) < 2_500


async def test_the_questions_of_replicas_that_ask_at_once_are_all_kept(tmp_path: Path) -> None:
    async with system(tmp_path) as it:
        towns = [LONG.replace("Paris", town) + f" {town}" * 5 for town in ("Rome", "Oslo", "Bern", "Bonn")]
        await asyncio.gather(*map(it.ask, towns))
        (document,) = it.documents()
        assert document.count(b'"answer"') == 4


@pytest.mark.parametrize(
    "play",
    [status(500), status(429, Retry_After="3"), status(404), broken_off(), raw(b"{}"), raw(b'{"data": []}')],
)
async def test_a_failure_of_the_embedding_model_is_no_failure_of_the_question_is_counted_and_told_once(
    tmp_path: Path, play: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_embedding, "PAUSE", 0.5)
    caplog.set_level(logging.INFO, "infrastructure.llm.cache.embedding")
    async with system(tmp_path) as it:
        it.embedding.next_embedding = [play] * 5
        first = await it.ask(LONG, NEAR)
        assert [reply.cached for reply in first] == [False, False]
        assert len(it.embedding.embedded) == 1  # left alone for a while
        assert it.telemetry.counted("agents.model.cache.uncompared") == 2
        await asyncio.sleep(0.6)
        await it.ask("Is it still so?")
        assert len(caplog.messages) == 1
        assert "until near works again" in caplog.messages[0]


async def test_a_used_up_budget_of_one_execution_leaves_the_questions_of_others_compared(
    tmp_path: Path,
) -> None:
    one, another, third = (
        Origin("sample", "shout", execution, "c1", "sort", "1.0.0") for execution in ("e1", "e2", "e3")
    )
    two_calls: Mapping[Scope, Spending] = {"execution": Spending(calls=Budget(hard=2))}
    async with system(tmp_path, budgets=two_calls) as it:
        await it.ask("What is it?", origin=one)
        with pytest.raises(BudgetExceeded):
            await it.ask("Who is it?", origin=one)
        (first,), (near,) = await it.ask(LONG, origin=another), await it.ask(NEAR, origin=third)
        assert (first.cached, near.cached) == (False, True)
        assert it.telemetry.counted("agents.model.cache.uncompared") == 0


async def test_an_embedding_model_that_is_back_is_used_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_embedding, "PAUSE", 0.05)
    caplog.set_level(logging.INFO, "infrastructure.llm.cache.embedding")
    async with system(tmp_path) as it:
        it.embedding.next_embedding = [status(500)] * 2
        await it.ask("What is it?")
        await asyncio.sleep(0.06)
        await it.ask("Who is it?")
        await asyncio.sleep(0.06)
        assert [reply.cached for reply in await it.ask(LONG, NEAR)] == [False, True]
        assert ["again: near works" in message for message in caplog.messages] == [False, True]


class Down(MemoryStateStore):
    """Its documents of similar questions cannot be read or written."""

    async def get(self, key: str) -> Stored | None:
        await self._refuse(key)
        return await super().get(key)

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        await self._refuse(key)
        return await super().create(key, data, ttl=ttl)

    async def _refuse(self, key: str) -> None:
        if key.startswith("model-cache-similar:"):
            raise SidecarUnavailable("down")


async def test_a_store_that_is_down_or_holds_rubbish_costs_the_answer_again(tmp_path: Path) -> None:
    async with system(tmp_path, store=Down()) as it:
        assert [reply.cached for reply in await it.ask(LONG, NEAR)] == [False, False]
    async with system(tmp_path) as it:
        await it.ask(LONG)
        (key,) = (key for key in it.store._documents if key.startswith("model-cache-similar:"))
        await it.store.put([(key, b"rubbish")], ttl=60)
        assert [reply.cached for reply in await it.ask(NEAR)] == [False]


async def test_vectors_are_paid_for_and_similar_answers_counted_as_answers_from_the_cache(
    tmp_path: Path,
) -> None:
    async with system(tmp_path, prices="{input: 1000, output: 0}") as it:
        await it.ask(LONG, NEAR)
        await it.ledger.flush()
        lines: Sequence[Any] = await it.costs.lines(today(), today())
        spent = {line.model: line.spent for line in lines}
        assert spent["near"] == Spent(calls=2, input_tokens=10, cost=0.01)
        assert (spent["big"].calls, spent["big"].answers_from_cache) == (1, 1)
        assert [span.name for span in it.telemetry.spans] == [f"embeddings {MODEL}"] * 2


async def test_without_the_setting_no_vector_is_asked_for(tmp_path: Path) -> None:
    async with system(tmp_path, "") as it:
        assert [reply.cached for reply in await it.ask(LONG, NEAR, LONG)] == [False, False, True]
        assert (it.embedding.embedded, it.documents()) == ([], [])


@pytest.fixture
def bundled(ollama: str) -> str:
    """The small model of `agents up` as an embedding model, which it is not: of use here, where texts hardly differ."""
    return f"{{provider: ollama, address: '{ollama}', model: {OLLAMA_MODEL}, prices: free, timeout: 60s}}"


@pytest.mark.integration
@pytest.mark.timeout(400)
async def test_a_real_ollama_compares_questions(tmp_path: Path, bundled: str) -> None:
    async with system(tmp_path, "{model: near, at_least: 0.95}", near=bundled) as it:
        texts = (
            "How do I reset my password?",
            "How can I reset my password?",
            "The invoice is late, when do you pay?",
        )
        assert [reply.cached for reply in await it.ask(*texts)] == [False, True, False]
        assert it.telemetry.counted("agents.model.cache.uncompared") == 0
