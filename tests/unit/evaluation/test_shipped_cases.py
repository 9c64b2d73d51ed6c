"""The cases of the shipped prompts bite: hand-written good answers pass them, and answers that are wrong in one way do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.devops.agent import AGENT as DEVOPS
from agents.implementation.agent import AGENT as IMPLEMENTATION
from agents.notification.agent import AGENT as NOTIFICATION
from agents.service_desk.agent import AGENT as SERVICE_DESK
from agents.test_planning.agent import AGENT as TEST_PLANNING
from domain import json
from infrastructure.evaluation.answers import Answer
from infrastructure.evaluation.cases import read_cases
from infrastructure.evaluation.check import LEAST_CASES
from infrastructure.evaluation.requests import request_for
from infrastructure.evaluation.results import CheckResult
from infrastructure.evaluation.run import look
from infrastructure.evaluation.subjects import load, load_prompt, prompts_in
from tests.unit.evaluation.known_answers import BAD, GOOD

PROMPTS = Path(__file__).parents[3] / "prompts"
NAMES = list(prompts_in(PROMPTS))
TAKES: dict[str, type[BaseModel]] = {
    f"{agent.name}/{declared.name}": declared.takes
    for agent in (DEVOPS, IMPLEMENTATION, NOTIFICATION, SERVICE_DESK, TEST_PLANNING)
    for declared in agent.prompts.values()
}


async def looked_at(name: str, case_id: str, answer: Any) -> tuple[CheckResult, ...]:
    subject = load(PROMPTS, name, "1.0.0")
    case = next(case for case in subject.cases.cases if case.id == case_id)
    request = request_for(subject.prompt, case.input)
    return await look(case, request, Answer(text=json.dump(answer).decode()), None)


def test_every_shipped_prompt_has_good_and_bad_answers_here() -> None:
    assert {name for name, _ in GOOD} == set(NAMES)
    assert {name for name, _, _ in BAD} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_prompt_has_eight_cases_and_some_in_german_and_some_hostile(name: str) -> None:
    cases = load(PROMPTS, name, "1.0.0").cases.cases
    tags = {tag for case in cases for tag in case.tags}
    assert len(cases) >= LEAST_CASES
    assert tags >= {"english", "german", "hostile"}


@pytest.mark.parametrize("name", NAMES)
def test_every_input_is_one_that_the_agent_could_give_its_prompt(name: str) -> None:
    takes = TAKES[name]
    for case in load(PROMPTS, name, "1.0.0").cases.cases:
        assert case.input.keys() <= takes.model_fields.keys()
        extra = {"ticket_id": "TICKET-1"} if "ticket_id" in takes.model_fields else {}
        unset = {"blocked": [], "unfinished": [], "focus": "", "goal": ""}
        given = {key: value for key, value in unset.items() if key in takes.model_fields}
        takes.model_validate({**given, **extra, **case.input})


@pytest.mark.parametrize(("name", "case"), GOOD, ids=lambda value: value.split("/")[-1])
async def test_a_good_answer_passes(name: str, case: str) -> None:
    results = await looked_at(name, case, GOOD[name, case])
    wrong = [f"{result.name}: {result.why}" for result in results if result.outcome == "failed"]
    assert wrong == []


@pytest.mark.parametrize(("name", "case", "why"), BAD, ids=lambda value: value.split("/")[-1])
async def test_a_bad_answer_fails_for_its_reason(name: str, case: str, why: str) -> None:
    results = await looked_at(name, case, BAD[name, case, why])
    wrong = [f"{result.name}: {result.why}" for result in results if result.outcome == "failed"]
    assert any(why in text for text in wrong), wrong


def test_the_guides_case_file_is_one_of_the_shipped_prompt() -> None:
    guide = (PROMPTS.parent / "docs/evaluation.md").read_text()
    example = guide.split("```yaml\n")[1].split("```")[0]
    read = read_cases(
        example.encode(), file="cases.yaml", prompt=load_prompt(PROMPTS / "service-desk/triage")
    )
    assert read.problems == ()
    assert read.cases
    assert [case.id for case in read.cases.cases] == ["vpn-down-for-a-team", "almost-empty"]
