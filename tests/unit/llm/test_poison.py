"""One input for which the model always fails, told as the circuit sees it, on a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from domain.chat import ChatRequest
from domain.errors import (
    AgentError,
    ModelFailsForInput,
    ModelMisconfigured,
    ModelRateLimited,
    ModelUnavailable,
    Unavailable,
)
from infrastructure.llm.circuit import POISONED, CircuitBreaker
from infrastructure.llm.fallback import Candidate, FallbackModel
from infrastructure.llm.suspects import REMEMBERED, Suspects
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import REQUEST, asked_by

BROKEN = ModelUnavailable("fails with status 500. It said: oops", status=500)
REFUSED = ModelMisconfigured("refuses our request (400). It said: bad image", status=400, param="")
BUSY = ModelUnavailable("fails with status 503", retry_after=30.0, status=503)
POISON = asked_by(execution="poison")


def fails_for_poison(error: AgentError) -> Callable[[ChatRequest], Scripted]:
    def answer(request: ChatRequest) -> Scripted:
        poisonous = request.origin is not None and request.origin.execution_id.startswith("poison")
        return error if poisonous else "well"

    return answer


def poisoned(error: AgentError = BROKEN) -> tuple[CircuitBreaker, ScriptedModel]:
    model = ScriptedModel(fails_for_poison(error))
    return CircuitBreaker(model), model


async def error_of(model: CircuitBreaker | FallbackModel, request: ChatRequest = POISON) -> AgentError:
    with pytest.raises(AgentError) as raised:
        await model.complete(request)
    return raised.value


async def is_blamed(model: CircuitBreaker, *, within: int) -> int:
    """After how many failures, with an answer for another between any two, the poison is told that its input is to blame."""
    for failures in range(1, within + 1):
        if isinstance(await error_of(model), ModelFailsForInput):
            return failures
        await model.complete(asked_by(execution="good"))
    raise AssertionError(f"it was not told after {within} failures")


@pytest.mark.parametrize("error", [BROKEN, REFUSED, BUSY], ids=["500", "400", "503 with Retry-After"])
@in_virtual_time
async def test_an_input_that_fails_again_and_again_while_others_are_answered_is_told_so(
    error: AgentError,
) -> None:
    circuit, _ = poisoned(error)
    for _ in range(POISONED):
        assert type(await error_of(circuit)) is type(error)
        await asyncio.sleep(60)  # whatever pause the server asked for
        await circuit.complete(asked_by(execution="good"))
    blamed = await error_of(circuit)
    assert isinstance(blamed, ModelFailsForInput)
    assert blamed.message == (
        f"the model fails for this input while it answers others (10 times by now): {error.message}"
    )
    assert blamed.details == {**error.details, "cause": error.code, "failures": 10}


async def test_a_model_that_answers_nobody_is_down_however_often_one_is_refused() -> None:
    circuit, model = poisoned()
    await circuit.complete(asked_by(execution="good"))
    model.down = BROKEN
    for _ in range(100):
        for execution in ("poison", "one", "other"):
            assert type(await error_of(circuit, asked_by(execution=execution))) is ModelUnavailable


@in_virtual_time
async def test_an_outage_counts_once_at_most_however_often_one_is_tried_in_it() -> None:
    circuit, model = poisoned()
    for _ in range(5):  # half of what it takes
        assert type(await error_of(circuit)) is ModelUnavailable
        await circuit.complete(asked_by(execution="good"))
    model.down = BROKEN
    for _ in range(100):
        assert type(await error_of(circuit)) is ModelUnavailable
        await asyncio.sleep(5)
    model.down = None
    await circuit.complete(asked_by(execution="good"))
    assert await is_blamed(circuit, within=10) == 5


@in_virtual_time
async def test_who_was_told_so_burns_no_further_attempt_in_an_outage() -> None:
    circuit, model = poisoned()
    await is_blamed(circuit, within=11)
    model.down = BROKEN
    await error_of(circuit)  # the last answer of another came before it
    for _ in range(50):
        assert type(await error_of(circuit)) is ModelUnavailable
        await asyncio.sleep(5)
    model.down = None
    await circuit.complete(asked_by(execution="good"))
    assert type(await error_of(circuit)) is ModelFailsForInput


async def test_its_own_answers_are_not_answers_for_others() -> None:
    """A handler whose first prompt works and whose second never does, with nobody else about."""

    def only_the_first(request: ChatRequest) -> Scripted:
        assert request.origin is not None
        return "well" if request.origin.task == "first" else REFUSED

    circuit = CircuitBreaker(ScriptedModel(only_the_first))
    for _ in range(50):
        await circuit.complete(asked_by("first", execution="poison"))
        assert type(await error_of(circuit, asked_by("second", execution="poison"))) is ModelMisconfigured


async def test_who_is_told_to_come_back_later_is_not_to_blame() -> None:
    busy = ModelRateLimited("slow down")
    circuit, _ = poisoned(busy)
    for _ in range(50):
        assert type(await error_of(circuit)) is ModelRateLimited
        await circuit.complete(asked_by(execution="good"))


async def test_what_no_execution_asks_is_never_blamed() -> None:
    circuit = CircuitBreaker(ScriptedModel([BROKEN, "well"] * 50))
    for _ in range(50):
        assert type(await error_of(circuit, REQUEST)) is ModelUnavailable
        await circuit.complete(REQUEST)


async def test_a_400_after_the_model_has_answered_holds_nobody_else() -> None:
    circuit, model = poisoned(REFUSED)
    await circuit.complete(asked_by(execution="good"))
    for _ in range(20):
        assert await error_of(circuit) is REFUSED  # each time the server's own word: it was asked
    assert (await circuit.complete(asked_by(execution="good"))).text == "well"
    assert len(model.requests) == 22


async def test_a_400_of_a_model_that_has_answered_nobody_yet_opens_the_circuit() -> None:
    circuit, model = poisoned(REFUSED)
    for execution in range(20):
        assert type(await error_of(circuit, asked_by(execution=f"poison {execution}"))) is ModelMisconfigured
    assert len(model.requests) == 3


@in_virtual_time
async def test_a_wrong_key_opens_the_circuit_although_the_model_has_answered_before() -> None:
    circuit, model = poisoned(ModelMisconfigured("does not let us in (401)", status=401))
    await circuit.complete(asked_by(execution="good"))
    for execution in range(20):
        await error_of(circuit, asked_by(execution=f"poison {execution}"))
    assert len(model.requests) == 4


@pytest.mark.parametrize("error", [BROKEN, BUSY], ids=["500", "503 with Retry-After"])
@in_virtual_time
async def test_who_failed_three_times_while_others_were_answered_opens_nothing_any_more(
    error: AgentError,
) -> None:
    circuit, _ = poisoned(error)
    for _ in range(4):
        await error_of(circuit)
        await asyncio.sleep(60)
        await circuit.complete(asked_by(execution="good"))
    assert await error_of(circuit) is error
    assert (await circuit.complete(asked_by(execution="good"))).text == "well"


@in_virtual_time
async def test_where_one_call_finds_out_those_that_never_failed_go_first_and_the_one_that_failed_last_goes_last() -> (
    None
):
    circuit, model = poisoned()
    await error_of(circuit, asked_by(execution="poison 1"))
    await error_of(circuit, asked_by(execution="poison 1"))
    await error_of(circuit, asked_by(execution="poison 2"))  # the third failure in a row: it opens
    waits = {}
    for execution in ("good", "poison 1", "poison 2"):
        error = await error_of(circuit, asked_by(execution=execution))
        assert isinstance(error, Unavailable)
        waits[execution] = error.retry_after
    assert waits == pytest.approx({"good": 0.25, "poison 1": 0.5625, "poison 2": 0.875})
    await asyncio.sleep(0.29)
    for execution in ("poison 1", "poison 2"):  # they come before the good one, which is as late as it may be
        await error_of(circuit, asked_by(execution=execution))
    assert len(model.requests) == 3
    await asyncio.sleep(0.01)
    assert (await circuit.complete(asked_by(execution="good"))).text == "well"


@in_virtual_time
async def test_a_single_execution_that_waits_finds_out_by_itself() -> None:
    circuit, model = poisoned()
    model.down = BROKEN
    good = asked_by(execution="good")
    for _ in range(6):
        error = await error_of(circuit, good)
        assert isinstance(error, Unavailable)
        await asyncio.sleep(error.retry_after or 0.25)
    assert len(model.requests) > 3
    model.down = None
    await asyncio.sleep(3.5)  # the longest pause, and for how long others would go first
    assert (await circuit.complete(good)).text == "well"


def both(first: ScriptedModel, second: ScriptedModel) -> tuple[FallbackModel, CircuitBreaker]:
    circuit = CircuitBreaker(first)
    candidates = [Candidate("a", circuit), Candidate("b", CircuitBreaker(second))]
    return FallbackModel(candidates, MemoryTelemetry()), circuit


async def test_what_one_model_fails_for_another_answers_as_long_as_it_can() -> None:
    model, circuit = both(ScriptedModel(fails_for_poison(BROKEN)), ScriptedModel())
    for _ in range(30):
        await model.complete(asked_by(execution="good"))
        await model.complete(POISON)
    assert type(await error_of(circuit)) is ModelUnavailable  # nobody was answered since
    await model.complete(asked_by(execution="good"))
    assert type(await error_of(circuit)) is ModelFailsForInput


@in_virtual_time
async def test_a_fallback_that_fails_as_well_does_not_keep_it_waiting() -> None:
    """The fallback answers nobody: it is asked for nothing but the poison."""
    first, second = ScriptedModel(fails_for_poison(BROKEN)), ScriptedModel(fails_for_poison(BROKEN))
    model, _ = both(first, second)
    for _ in range(POISONED):
        assert type(await error_of(model)) is ModelUnavailable
        await model.complete(asked_by(execution="good"))
        await asyncio.sleep(5)
    blamed = await error_of(model)
    assert type(blamed) is ModelFailsForInput
    assert blamed.message == (
        "a: the model fails for this input while it answers others (10 times by now): fails with status 500. It said: oops; "
        "b: fails with status 500. It said: oops"
    )


@in_virtual_time
async def test_while_the_first_model_is_down_what_the_fallback_fails_for_waits() -> None:
    """The first one may answer it when it is back: its outage burns no attempt."""
    first, second = ScriptedModel(), ScriptedModel(fails_for_poison(BROKEN))
    first.down = ModelUnavailable("gone")
    model, _ = both(first, second)
    for _ in range(50):
        assert type(await error_of(model)) is ModelUnavailable
        await model.complete(asked_by(execution="good"))
        await asyncio.sleep(5)
    first.down = None
    await asyncio.sleep(5)
    assert (await model.complete(POISON)).text


def test_only_so_many_executions_are_remembered_and_those_that_fail_are() -> None:
    suspects = Suspects()
    for number in range(10 * REMEMBERED):
        suspects.answered("good")
        suspects.failed("poison")
        suspects.failed(f"e{number}")
    assert len(suspects._known) == REMEMBERED
    assert suspects.failed("poison") == 0
    suspects.answered("good")
    assert suspects.failed("poison") == 10 * REMEMBERED
