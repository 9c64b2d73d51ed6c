"""What a search finds on models that can be helped, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.chat import ChatRequest
from domain.errors import ModelTimeout, ModelUnavailable
from infrastructure.evaluation.answers import BudgetSpent
from infrastructure.memory.model import ScriptedModel
from infrastructure.optimisation.candidates import Candidate
from infrastructure.optimisation.editing import instruction_of
from infrastructure.optimisation.optimise import Outcome, Unaffordable, expected, optimise
from infrastructure.optimisation.parts import divide
from infrastructure.prompts.reading.definition import read_definition
from tests.unit.optimisation.making import (
    NAME,
    RULE,
    Answers,
    answering,
    bench_of,
    by_chance,
    has_examples,
    has_rule,
    is_proposal,
    never,
    prompt_text,
    subject_in,
    text_of,
    titles,
    written,
)

FORMS = ["semantic-kernel", "jinja2"]


async def optimised(
    folder: Path, answers: Answers, *, calls: int | None = None, tokens: int | None = None, seed: int = 1
) -> tuple[Outcome, ScriptedModel]:
    model = ScriptedModel(answers)
    subject = subject_in(folder)
    bench = bench_of(subject, model, calls=calls, tokens=tokens, seed=seed)
    return await optimise(bench, bench.asker, divide(subject.cases.cases, seed)), model


@pytest.mark.parametrize("form", FORMS)
async def test_a_weak_prompt_gets_the_instruction_its_cases_need(tmp_path: Path, form: str) -> None:
    written(tmp_path, cases=30, prompt=prompt_text(form))
    found, _ = await optimised(tmp_path, answering(has_rule, ("Sort it well, if you please.", RULE)))
    assert found.is_better
    assert found.comparison
    assert found.comparison.verdict == "better"
    assert found.held_out
    assert found.held_out.before
    assert found.held_out.before.score == 0.25
    assert found.held_out.now.score == 1
    assert found.choice.candidate
    assert instruction_of(read_definition(found.choice.candidate.prompt.source).template) == RULE


@pytest.mark.parametrize("form", FORMS)
async def test_a_weak_prompt_gets_examples_where_those_help(tmp_path: Path, form: str) -> None:
    written(tmp_path, prompt=prompt_text(form))
    found, _ = await optimised(tmp_path, answering(has_examples))
    assert found.is_better
    assert found.held_out
    assert found.held_out.now.score == 1
    chosen = chosen_by(found)
    assert len(chosen.examples) >= 2
    assert chosen.instruction is None
    assert {example.case for example in chosen.examples} <= {case.id for case in found.parts.training}


async def test_where_nothing_helps_nothing_is_chosen(tmp_path: Path) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(never))
    assert found.choice.candidate is None
    assert not found.is_better
    assert found.held_out is None
    assert found.choice.tried > 4
    assert not any(
        title in text_of(request) for request in model.requests for title in titles(found.parts.held_out)
    )


async def test_what_helps_the_validation_cases_alone_is_not_better(tmp_path: Path) -> None:
    written(tmp_path)
    parts = divide(subject_in(tmp_path).cases.cases, 1)
    lucky = {*titles(parts.training), *titles(parts.validation)}

    def is_lucky(request: ChatRequest) -> bool:
        return has_rule(request) and any(title in request.messages[-1].content for title in lucky)

    found, _ = await optimised(tmp_path, answering(is_lucky))
    assert found.choice.candidate
    assert found.comparison
    assert found.comparison.difference == 0
    assert not found.is_better


async def test_the_held_out_cases_reach_the_model_only_after_the_choice(tmp_path: Path) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(has_rule))
    held_out = titles(found.parts.held_out)
    seen = [at for at, one in enumerate(model.requests) if any(title in text_of(one) for title in held_out)]
    assert seen == list(range(len(model.requests) - 2 * len(held_out), len(model.requests)))
    assert not any(title in chosen_by(found).prompt.source for title in held_out)


async def test_neither_the_proposer_nor_an_example_shows_a_validation_case(tmp_path: Path) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(has_examples))
    unseen = [*titles(found.parts.validation), *titles(found.parts.held_out)]
    asked = [text_of(request) for request in model.requests if is_proposal(request)]
    assert asked
    shown = [*asked, chosen_by(found).prompt.source]
    assert not any(title in text for text in shown for title in unseen)


async def test_the_proposer_is_told_what_failed_and_how_earlier_proposals_fared(tmp_path: Path) -> None:
    written(tmp_path)
    _, model = await optimised(tmp_path, answering(never, ("Think well before sorting.",)))
    first, *_, last = [text_of(request) for request in model.requests if is_proposal(request)]
    assert "Sort it." in first
    assert 'answer: {"category":"other"}' in first
    assert "wrong: category equals" in first
    assert "+0.00: Think well before sorting." not in first
    assert "+0.00: Think well before sorting." in last


async def test_a_case_does_not_judge_a_candidate_that_was_shown_its_answer(tmp_path: Path) -> None:
    """Else whoever shows the most answers would win."""
    written(tmp_path)

    def copies(request: ChatRequest) -> bool:
        *shown, asked = request.messages
        return any(message.content == asked.content for message in shown)

    found, model = await optimised(tmp_path, answering(copies))
    assert found.choice.candidate is None
    assert not any(copies(request) for request in model.requests)


@pytest.mark.parametrize("seed", [1, 16, 17, 26, 33])
async def test_of_equals_the_shortest_is_taken(tmp_path: Path, seed: int) -> None:
    """Though candidates with examples, judged by fewer cases, may seem to gain more while they learn."""
    written(tmp_path, cases=12)
    found, _ = await optimised(tmp_path, answering(has_rule), seed=seed)
    assert chosen_by(found).instruction == RULE
    assert chosen_by(found).examples == ()


async def test_a_prompt_that_passes_everything_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(lambda _: True))
    assert found.choice.candidate is None
    assert found.choice.remarks == (
        "no instruction was proposed: nothing failed with the instruction as it was",
    )
    assert not any(map(is_proposal, model.requests))


async def test_an_instruction_that_a_proposal_could_not_hold_is_kept_and_examples_are_tried(
    tmp_path: Path,
) -> None:
    written(tmp_path, prompt=prompt_text().replace("Sort it.", "Sort it. " * 300))
    found, model = await optimised(tmp_path, answering(has_examples))
    assert found.is_better
    assert found.choice.remarks[0].endswith("the one there is has more than 1,800 characters")
    assert not any(map(is_proposal, model.requests))


async def test_a_call_that_fails_once_does_not_end_the_search(tmp_path: Path) -> None:
    written(tmp_path)
    answers, failed = answering(has_rule), set[str]()

    def hiccups(request: ChatRequest) -> str | ModelTimeout:
        text = text_of(request)
        if text in failed:
            return answers(request)
        failed.add(text)
        return ModelTimeout("it took too long")

    found, _ = await optimised(tmp_path, hiccups)
    assert found.held_out
    assert found.held_out.now.count("error") == 0
    assert (
        len(found.held_out.now.scores)
        == len(found.held_out.before.scores if found.held_out.before else ())
        == 8
    )


async def test_a_model_that_fails_again_ends_it(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"the model could not be asked, twice: .*it took too long"):
        await optimised(tmp_path, lambda _: ModelTimeout("it took too long"))


async def test_checks_that_cannot_be_made_are_told(tmp_path: Path) -> None:
    """A rubric without a judge here; for users an extra that is not installed."""
    root = written(tmp_path)
    file = root / NAME / "cases.yaml"
    file.write_text("checks: [{at: category, judge: {rubric: It is a word}}]\n" + file.read_text())
    found, _ = await optimised(tmp_path, answering(has_rule))
    assert found.is_better
    assert found.choice.remarks[0] == "some checks were not run: there is no judge"


async def test_what_is_better_by_chance_alone_is_rarely_called_better(tmp_path: Path) -> None:
    """The held-out cases know nothing of the search: 95 of 100 intervals hold 0. Drafts come of a quarter (docs/adr/0018)."""
    written(tmp_path, cases=30)
    found = [(await optimised(tmp_path, by_chance(salt), seed=salt))[0] for salt in range(20)]
    called = [one for one in found if one.comparison and one.comparison.verdict == "better"]
    assert len(called) <= 2
    assert len([one for one in found if one.is_better]) <= 9


async def test_the_same_seed_finds_the_same(tmp_path: Path) -> None:
    written(tmp_path)
    first, _ = await optimised(tmp_path, answering(has_examples))
    second, _ = await optimised(tmp_path, answering(has_examples))
    assert chosen_by(first).prompt.source == chosen_by(second).prompt.source
    assert first.calls == second.calls


async def test_it_never_takes_more_calls_than_were_estimated(tmp_path: Path) -> None:
    written(tmp_path)
    subject = subject_in(tmp_path)
    numbered = iter(range(1000))

    def ever_new(request: ChatRequest) -> str:
        return answering(never, (f"Number {next(numbered)}: sort it by what is broken.",))(request)

    found, model = await optimised(tmp_path, ever_new)
    assert found.calls == len(model.requests)
    assert 100 < found.calls <= expected(subject, found.parts).calls


@pytest.mark.parametrize("calls", [55, 60, 70, 80])
async def test_a_budget_of_calls_is_never_passed_and_the_best_so_far_is_measured(
    tmp_path: Path, calls: int
) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(has_rule), calls=calls)
    assert len(model.requests) <= calls
    assert found.held_out is None or found.held_out.now.count("error") == 0
    assert found.is_better == (calls >= 60)
    assert any("spent" in remark for remark in found.choice.remarks)


async def test_a_budget_of_tokens_is_never_passed(tmp_path: Path) -> None:
    written(tmp_path)
    found, model = await optimised(tmp_path, answering(has_rule), tokens=220_000)
    assert found.is_better
    with pytest.raises(
        Unaffordable, match=r"the budget is too small: the measurements alone may take \d+ calls"
    ):
        await optimised(tmp_path, answering(has_rule), tokens=50_000)
    assert model.requests


async def test_a_budget_that_does_not_pay_for_the_measurements_is_refused_before_a_call(
    tmp_path: Path,
) -> None:
    written(tmp_path)
    with pytest.raises(Unaffordable):
        await optimised(tmp_path, answering(has_rule), calls=36)
    with pytest.raises(BudgetSpent):
        await optimised(tmp_path, answering(has_rule), calls=40)


def chosen_by(found: Outcome) -> Candidate:
    assert found.choice.candidate
    return found.choice.candidate
