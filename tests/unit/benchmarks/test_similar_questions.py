"""The figures of docs/models.md: what is counted, on the stand-in that knows words and not their order."""

from __future__ import annotations

from pydantic import SecretStr

from benchmarks.similar_questions import OTHER, SAME, hits, measure
from infrastructure.llm.clients.embeddings import Embeddings
from infrastructure.llm.clients.endpoint import Cures, openai
from tests.stand_ins.openai_server import KEY, MODEL, OpenAIServer, serving


async def test_a_pair_whose_numbers_differ_is_never_a_hit_and_one_of_the_same_words_always() -> None:
    async with serving(OpenAIServer()) as server:
        embeddings = Embeddings(openai(server.url, MODEL, SecretStr(KEY), Cures("", "", "")))
        pairs = await measure(embeddings)
        await embeddings.close()
    assert len(pairs) == len(OTHER) + len(SAME)
    found = {pair.one: pair.similarity for pair in pairs}
    assert found["Cancel order 48213 and refund the customer."] is None
    near = found["The new version is faster than the old version."]
    assert near is not None
    assert near > 0.999
    wrong = [pair for pair in pairs if pair.differs]
    assert 1 <= hits(wrong, 0.99) <= hits(wrong, 0.5) <= len(wrong) - 3
