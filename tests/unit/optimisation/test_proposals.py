from __future__ import annotations

from pathlib import Path

import pytest

import infrastructure.optimisation.proposals
from domain import json
from domain.errors import ModelUnavailable
from infrastructure.evaluation.answers import Asker
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.optimisation.budget import Allowance
from infrastructure.optimisation.proposals import LONGEST_INSTRUCTION, Failure, propose
from infrastructure.prompts.reading.file import read_prompt
from tests.unit.optimisation.making import MODEL, text_of
from tests.unit.prompts.making import make_prompt

PROMPT = make_prompt("Sort {{$title}}", "semantic-kernel", "title")
FAILURE = Failure("Sort a printer", "other", ["category equals hardware: it is other"])


async def proposals(model: ScriptedModel, count: int = 3, calls: int | None = None) -> list[str]:
    asker = Asker(model, MODEL, concurrency=1, budget=Allowance(calls, None))
    return await propose(asker, PROMPT, "Sort it.", [FAILURE], [("Sort it well.", 0.25)], count=count, seed=1)


def proposal(text: str) -> str:
    return json.dump({"problem": "p", "instruction": text}).decode()


def test_the_proposers_prompt_is_a_prompt_without_problems() -> None:
    file = Path(infrastructure.optimisation.proposals.__file__).parent / "proposer" / "1.0.0.yaml"
    read = read_prompt(file.read_bytes(), file=str(file), name="proposer", version="1.0.0")
    assert read.problems == ()
    assert read.prompt
    assert read.prompt.output_schema
    assert read.prompt.output_schema["properties"]["instruction"]["maxLength"] == LONGEST_INSTRUCTION


async def test_what_is_no_proposal_or_repeats_one_is_left_out() -> None:
    answers: list[Scripted] = ["no JSON", proposal("Sort it."), proposal("Sort it well."), '{"problem": "p"}']
    found = await proposals(ScriptedModel([*answers, proposal(" New. "), proposal("New.")]), count=6)
    assert found == ["New."]


async def test_each_proposal_is_asked_for_in_another_way() -> None:
    model = ScriptedModel(lambda _: proposal("New."))
    await proposals(model)
    assert len({text_of(request) for request in model.requests}) == 3
    assert [request.seed for request in model.requests] == [1, 2, 3]
    assert all("wrong: category equals hardware: it is other" in text_of(one) for one in model.requests)
    assert all("+0.25: Sort it well." in text_of(one) for one in model.requests)


async def test_a_budget_that_ends_leaves_those_that_came() -> None:
    assert await proposals(ScriptedModel([proposal("One."), proposal("Two.")]), calls=2) == ["One.", "Two."]


async def test_a_model_that_is_down_is_said_plainly() -> None:
    model = ScriptedModel()
    model.down = ModelUnavailable("it is down")
    with pytest.raises(ModelUnavailable, match="it is down"):
        await proposals(model)
