from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from domain.chat import ChatReply, ChatRequest
from domain.errors import ModelRefused, ModelTruncated, ModelUnavailable
from infrastructure.evaluation.answers import Asker, Budget, ModelName, most_tokens
from infrastructure.evaluation.estimate import Price, estimate
from infrastructure.evaluation.judging import Judge, known_verdicts
from infrastructure.evaluation.results import Evaluation
from infrastructure.evaluation.run import ANSWER, calibrated, evaluate, requests_of
from infrastructure.memory.model import ScriptedModel
from tests.unit.evaluation.making import CASES, MODEL, answer, asker, good, subject_in, written


async def measured(
    folder: Path, model: ScriptedModel, answers: Path | None = None, repeat: int = 1
) -> Evaluation:
    subject = subject_in(written(folder))
    return await evaluate(subject, subject.cases.cases, asker(model, answers), repeat=repeat)


def of(evaluation: Evaluation, case: str) -> list[tuple[str, str, str]]:
    found = next(one for one in evaluation.cases if one.case.id == case)
    return [(check.name, check.outcome, check.why) for check in found.attempts[0].checks]


async def test_good_answers_pass_every_check(tmp_path: Path) -> None:
    found = await measured(tmp_path, ScriptedModel(good))
    assert (found.score, found.count("passed"), found.whole) == (1.0, 2, True)
    assert of(found, "printer") == [
        (ANSWER, "passed", ""),
        ("category equals hardware", "passed", ""),
        ("reasons contains smoke", "passed", ""),
    ]


async def test_a_case_scores_the_share_of_its_checks_and_a_prompt_the_mean_of_its_cases(
    tmp_path: Path,
) -> None:
    found = await measured(tmp_path, ScriptedModel(lambda _: answer("hardware", "no idea")))
    assert found.scores == {"printer": 0.5, "browser": 0.0}
    assert found.score == 0.25
    assert of(found, "browser")[1] == ("category equals software", "failed", "it is hardware")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("no JSON at all", "it is no JSON: expected ident at line 1 column 2"),
        ('{"category": "hardware"}', "answer.reasons is missing"),
        (
            '{"category": "heat", "reasons": []}',
            "answer.category is heat, wanted is one of hardware, software, other",
        ),
        (ModelTruncated("it was cut off"), "it was cut off"),
        (ModelRefused("it refuses"), "it refuses"),
    ],
)
async def test_an_answer_that_is_none_scores_nothing(tmp_path: Path, said: str | Exception, why: str) -> None:
    found = await measured(tmp_path, ScriptedModel(lambda _: said))
    assert of(found, "printer") == [(ANSWER, "failed", why)]
    assert found.scores == {"printer": 0.0, "browser": 0.0}
    assert not found.meets(0.0001)


async def test_a_case_that_could_not_be_asked_is_an_error_and_not_the_prompts_failure(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> str | Exception:
        return (
            ModelUnavailable("the server is gone")
            if "Browser" in request.messages[-1].content
            else good(request)
        )

    found = await measured(tmp_path, ScriptedModel(script))
    assert (found.count("error"), found.count("failed"), found.count("passed")) == (1, 0, 1)
    assert found.scores == {"printer": 1.0}
    assert of(found, "browser") == [(ANSWER, "error", "the server is gone")]
    assert not found.meets(0.0)


async def test_no_more_calls_run_at_once_than_allowed(tmp_path: Path) -> None:
    class Counting(ScriptedModel):
        now = most = 0

        async def complete(self, request: ChatRequest, on_text: object = None) -> ChatReply:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return await super().complete(request)
            finally:
                self.now -= 1

    model = Counting(good, delay=0.002)
    subject = subject_in(written(tmp_path))
    await evaluate(subject, subject.cases.cases, asker(model, concurrency=3), repeat=10)
    assert (len(model.requests), model.most) == (20, 3)


async def test_repetitions_are_asked_with_seeds_of_their_own_and_averaged(tmp_path: Path) -> None:
    def script(request: ChatRequest) -> str:
        return good(request) if request.seed == 1 else answer("other", "smoke")

    model = ScriptedModel(script)
    found = await measured(tmp_path, model, repeat=2)
    assert sorted(request.seed or 0 for request in model.requests) == [1, 1, 2, 2]
    assert found.scores == {"printer": 0.75, "browser": 0.5}


async def test_the_same_question_is_asked_once_even_when_the_first_run_was_interrupted(
    tmp_path: Path,
) -> None:
    answers = tmp_path / "answers"
    begun = asyncio.Event()

    class Interrupted(ScriptedModel):
        async def complete(self, request: ChatRequest, on_text: object = None) -> ChatReply:
            if "Browser" in request.messages[-1].content:
                begun.set()
                await asyncio.sleep(3600)
            return await super().complete(request)

    run = asyncio.create_task(measured(tmp_path, Interrupted(good), answers))
    await begun.wait()
    async with asyncio.timeout(60):
        while not list(answers.rglob("*.json")):  # noqa: ASYNC110  # the other answer, written by a thread
            await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    model = ScriptedModel(good)
    found = await measured(tmp_path, model, answers)
    assert [request.messages[-1].content for request in model.requests] == ["Browser crashes (team)"]
    assert found.score == 1.0
    assert found.usage.output_tokens > 0
    assert [file.suffix for file in answers.rglob("*") if file.is_file()] == [".json", ".json"]


async def test_a_cached_answer_is_only_that_models_with_those_parameters(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    subject = subject_in(written(tmp_path))
    (_, request), *_ = requests_of(subject, subject.cases.cases, 1, 1)
    await asker(ScriptedModel(good), answers).ask(request)
    assert asker(ScriptedModel(), answers).knows(request)
    for other in (
        replace(request, seed=2),
        replace(request, temperature=0.9),
        replace(request, max_tokens=99),
        replace(request, output_schema=None),
        replace(request, messages=request.messages[:1]),
    ):
        assert not asker(ScriptedModel(), answers).knows(other)
    for model in (
        replace(MODEL, name="big"),
        replace(MODEL, provider="openai"),
        replace(MODEL, digest="1" * 64),
    ):
        assert not Asker(ScriptedModel(), model, folder=answers).knows(request)


async def test_a_cached_answer_that_is_broken_is_asked_again(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    await measured(tmp_path, ScriptedModel(good), answers)
    for file in answers.rglob("*.json"):
        file.write_text('{"text": ')
    model = ScriptedModel(good)
    assert (await measured(tmp_path, model, answers)).score == 1.0
    assert len(model.requests) == 2


async def test_what_could_not_be_asked_is_not_remembered(tmp_path: Path) -> None:
    down = ScriptedModel(good)
    down.down = ModelUnavailable("gone")
    assert (await measured(tmp_path, down, tmp_path / "answers")).count("error") == 2
    assert (await measured(tmp_path, ScriptedModel(good), tmp_path / "answers")).score == 1.0


async def test_no_call_passes_the_budget(tmp_path: Path) -> None:
    subject = subject_in(written(tmp_path))
    requests = [request for _, request in requests_of(subject, subject.cases.cases, 1, 1)]
    model = ScriptedModel(good)
    budget = Budget(most_tokens(requests[0]) + 5)
    found = await evaluate(subject, subject.cases.cases, Asker(model, MODEL, concurrency=1, budget=budget))
    assert len(model.requests) == 1
    assert of(found, "browser")[0][2].startswith(
        f"the budget of {most_tokens(requests[0]) + 5} tokens is spent"
    )


async def test_an_estimate_counts_what_is_not_in_the_cache(tmp_path: Path) -> None:
    subject = subject_in(written(tmp_path))
    requests = [request for _, request in requests_of(subject, subject.cases.cases, 1, 1)]
    asking = asker(ScriptedModel(good), tmp_path / "answers")
    assert estimate(requests, asking).words(Price(10, 1_000)) == (
        "2 calls, about 218 input tokens, at most 200 output tokens, 0.20 at most"
    )
    await asking.ask(requests[0])
    assert estimate(requests, asking).words(None) == (
        "1 calls (1 more are answered from the cache), about 109 input tokens, at most 100 output tokens"
    )


JUDGED = CASES.replace(
    "- {at: reasons, contains: smoke}", "- {at: reasons, judge: {rubric: It names the smoke.}}"
)


def graded(score: int) -> ScriptedModel:
    return ScriptedModel(lambda _: f'{{"reason": "so so", "score": {score}}}')


@pytest.mark.parametrize(("score", "outcome", "why"), [(4, "passed", ""), (3, "failed", "judged 3: so so")])
async def test_a_judge_decides_by_the_rubric(tmp_path: Path, score: int, outcome: str, why: str) -> None:
    subject = subject_in(written(tmp_path, cases=JUDGED))
    model = graded(score)
    found = await evaluate(
        subject, subject.cases.cases, asker(ScriptedModel(good)), judge=Judge(asker(model))
    )
    assert of(found, "printer")[2] == ("reasons is judged 4 of 5: It names the smoke.", outcome, why)
    told = model.requests[0].messages[-1].content
    assert "It names the smoke." in told
    assert "Sort tickets.\n\nPrinter smokes (person)" in told
    assert '["smoke is seen"]' in told


async def test_without_a_judge_its_check_is_not_run_and_never_passed(tmp_path: Path) -> None:
    subject = subject_in(written(tmp_path, cases=JUDGED))
    found = await evaluate(subject, subject.cases.cases, asker(ScriptedModel(good)))
    assert of(found, "printer")[2][1:] == ("not run", "there is no judge")
    assert (found.count("not run"), found.count("passed")) == (1, 1)


async def test_a_judge_that_cannot_be_asked_makes_an_error_and_one_that_babbles_a_failure(
    tmp_path: Path,
) -> None:
    subject = subject_in(written(tmp_path, cases=JUDGED))
    down = ScriptedModel()
    down.down = ModelUnavailable("no judge today")
    found = await evaluate(subject, subject.cases.cases, asker(ScriptedModel(good)), judge=Judge(asker(down)))
    assert of(found, "printer")[2][1:] == ("error", "no judge today")
    babbling = ScriptedModel(lambda _: "Well…")
    found = await evaluate(
        subject, subject.cases.cases, asker(ScriptedModel(good)), judge=Judge(asker(babbling))
    )
    assert of(found, "printer")[2][1:] == (
        "failed",
        "the judge gave no grade: its answer does not fit its schema",
    )


async def test_a_judges_calibration_says_how_often_it_is_right(tmp_path: Path) -> None:
    subject = subject_in(written(tmp_path, cases=JUDGED))
    judge = Judge(Asker(graded(5), ModelName("scripted", "kind")))
    found = await evaluate(subject, subject.cases.cases, asker(ScriptedModel(good)), judge=judge)
    assert str((await calibrated(found, judge)).calibration) == (
        "the judge scripted/kind agrees with 6 of 12 known verdicts"
    )
    unjudged = await measured(tmp_path / "other", ScriptedModel(good))
    assert (await calibrated(unjudged, judge)).calibration is None


def test_the_known_verdicts_are_as_often_good_as_bad() -> None:
    assert [one.good for one in known_verdicts()].count(True) * 2 == len(known_verdicts()) == 12
