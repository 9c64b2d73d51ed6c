"""An evaluation: every case is asked, as many at once as the asker allows, and every answer looked at by its checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from domain import json
from domain.chat import ChatRequest
from domain.errors import AgentError
from domain.prompt import request_for
from infrastructure.evaluation import path
from infrastructure.evaluation.answer_schema import misfits
from infrastructure.evaluation.answers import Answer, Asker
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.checks import Check
from infrastructure.evaluation.checks.kind import NotRun, Rubric
from infrastructure.evaluation.judging import Judge
from infrastructure.evaluation.results import Attempt, CaseResult, CheckResult, Evaluation
from infrastructure.evaluation.subjects import Subject

ANSWER = "the answer fits the prompt's output schema"
SHOWN_MISFITS = 3


def requests_of(
    subject: Subject, cases: Sequence[Case], repeat: int, seed: int
) -> Iterator[tuple[Case, ChatRequest]]:
    """Repetition n is asked with the seed `seed + n`: the same command asks the same."""
    for case in cases:
        for number in range(repeat):
            yield case, request_for(subject.prompt, case.input, seed=seed + number)


async def evaluate(
    subject: Subject,
    cases: Sequence[Case],
    asker: Asker,
    *,
    judge: Judge | None = None,
    repeat: int = 1,
    seed: int = 1,
    on_answer: Callable[[Attempt], None] = lambda _: None,
) -> Evaluation:
    """Measure a prompt by these of its cases. `on_answer` is called as attempts end, in any order.

    A case that the model could not be asked is an error in the result; cancelled, nothing is left running.

    Raises:
        InvalidInput, PromptInvalid: a case does not fit this version of the prompt.

    """
    wanted = list(requests_of(subject, cases, repeat, seed))

    async def attempt(case: Case, request: ChatRequest) -> Attempt:
        made = await _attempt(case, request, asker, judge)
        on_answer(made)
        return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attempt(case, request)) for case, request in wanted]
    attempts = [task.result() for task in tasks]
    results = tuple(
        CaseResult(case, tuple(attempts[at * repeat : (at + 1) * repeat])) for at, case in enumerate(cases)
    )
    whole = {case.id for case in cases} == {case.id for case in subject.cases.cases}
    return Evaluation(subject, asker.name, repeat, seed, whole, results)


async def calibrated(evaluation: Evaluation, judge: Judge) -> Evaluation:
    """With a note on how far its judge can be trusted, when one judged."""
    if not is_judged(evaluation.subject):
        return evaluation
    return replace(evaluation, calibration=await judge.calibrate())


def is_judged(subject: Subject) -> bool:
    return any(isinstance(check.test.decide, Rubric) for case in subject.cases.cases for check in case.checks)


async def _attempt(case: Case, request: ChatRequest, asker: Asker, judge: Judge | None) -> Attempt:
    try:
        answer = await asker.ask(request)
    except AgentError as error:
        return Attempt(None, (CheckResult(ANSWER, "error", error.message),))
    return Attempt(
        answer.text,
        await look(case, request, answer, judge),
        answer.usage,
        answer.seconds,
        answer.cached,
    )


async def look(
    case: Case, request: ChatRequest, answer: Answer, judge: Judge | None
) -> tuple[CheckResult, ...]:
    """What the checks say of an answer; the first result is about the answer's form."""
    if answer.text is None:
        return (CheckResult(ANSWER, "failed", answer.failure or "no answer"),)
    if request.output_schema is None:
        value = answer.text
    else:
        try:
            value = json.parse(answer.text)
        except ValueError as error:
            return (CheckResult(ANSWER, "failed", f"it is no JSON: {error}"),)
        wrong = list(misfits(value, request.output_schema))
        if wrong:
            return (CheckResult(ANSWER, "failed", "; ".join(wrong[:SHOWN_MISFITS])),)
    made = [await _made(check, value, case, request, judge) for check in case.checks]
    return (CheckResult(ANSWER, "passed"), *made)


async def _made(
    check: Check, value: object, case: Case, request: ChatRequest, judge: Judge | None
) -> CheckResult:
    try:
        for where, found in path.values(value, check.steps):
            if isinstance(check.test.decide, Rubric):
                if judge is None:
                    raise NotRun("there is no judge")  # noqa: TRY301 - one way out for all kinds
                why = await judge.wrong(check.test.decide, _task(request), _written(found))
            else:
                why = check.test.decide(found, case.input)
            if why is not None:
                return CheckResult(
                    check.name, "failed", why if None not in check.steps else f"{where}: {why}"
                )
    except LookupError as error:
        return CheckResult(check.name, "failed", str(error.args[0]))
    except NotRun as error:
        return CheckResult(check.name, "not run", str(error))
    except AgentError as error:
        return CheckResult(check.name, "error", error.message)
    return CheckResult(check.name, "passed")


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dump(value).decode()


def _task(request: ChatRequest) -> str:
    return "\n\n".join(message.content for message in request.messages)
