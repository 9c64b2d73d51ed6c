"""The kit's fixtures, as `pytest_plugins` brings them."""

from __future__ import annotations

from agents.implementation import AGENT
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from infrastructure.testing import Cassette, Model, smallest
from infrastructure.testing.plugin import Start

CODE = {"explanation": "Why.", "files": [{"path": "a.py", "language": "python", "content": "x = 1\n"}]}


async def test_the_platform_of_a_test_asks_the_model_of_the_test(platform: Start, model: Model) -> None:
    model.answer(generate_code=CODE)
    p = await platform(AGENT)
    out = await p.publish(smallest(SpecGenerated))
    assert out.one(CodeGenerated).explanation == "Why."
    assert model.told


async def test_a_model_may_be_told_what_to_answer_a_task(platform: Start) -> None:
    p = await platform(
        AGENT, model=Model(review_code=lambda request: {"summary": request.origin.task, "findings": []})
    )
    file = {"path": "a.py", "language": "python", "content": "x"}
    assert (await p.run("review-code", {"files": [file]})).output["summary"] == "review-code"


def test_the_cassette_of_a_test_has_a_place_of_its_own(cassette: Cassette) -> None:
    parts = cassette.path.parts[-3:]
    assert parts == ("cassettes", "test_plugin", "test_the_cassette_of_a_test_has_a_place_of_its_own.yaml")
