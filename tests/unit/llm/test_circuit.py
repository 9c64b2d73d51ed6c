"""What the circuit breaker lets through, on a loop whose time the tests make pass."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest

from domain.chat import ChatRequest, Message
from domain.errors import (
    AgentError,
    ModelRateLimited,
    ModelTimeout,
    ModelTruncated,
    ModelUnavailable,
    Unavailable,
)
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.memory.model import Scripted, ScriptedModel

REQUEST = ChatRequest(messages=(Message("user", "hello"),), max_tokens=50)
DOWN = ModelUnavailable("connection refused", url="http://model")


def broken(*script: Scripted) -> tuple[CircuitBreaker, ScriptedModel]:
    model = ScriptedModel(list(script))
    return CircuitBreaker(model), model


async def fail(circuit: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ModelUnavailable):
            await circuit.complete(REQUEST)


async def test_a_model_that_answers_is_asked_each_time() -> None:
    circuit, model = broken("a", "b")
    assert [(await circuit.complete(REQUEST)).text for _ in range(2)] == ["a", "b"]
    assert len(model.requests) == 2


async def test_single_failures_open_nothing() -> None:
    circuit, model = broken(DOWN, DOWN, "well", DOWN, DOWN, "well")
    await fail(circuit, 2)
    assert (await circuit.complete(REQUEST)).text == "well"
    await fail(circuit, 2)
    assert (await circuit.complete(REQUEST)).text == "well"
    assert len(model.requests) == 6


async def test_after_three_failures_in_a_row_the_model_is_left_alone() -> None:
    circuit, model = broken(DOWN, DOWN, DOWN)
    await fail(circuit, 50)
    assert len(model.requests) == 3
    with pytest.raises(ModelUnavailable, match="circuit of this model is open") as caught:
        await circuit.complete(REQUEST)
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 0.25


OF_ANOTHER = "patient Jane Roe, born 1990"


@pytest.mark.parametrize(
    ("error", "told", "details"),
    [
        (
            ModelUnavailable(
                f"S fails with status 500. It said: {OF_ANOTHER}",
                common="S fails with status 500",
                status=500,
                model="m",
                param=OF_ANOTHER,
            ),
            "last failure model_unavailable (status 500): S fails with status 500",
            {"status": 500, "model": "m"},
        ),
        (
            ModelRateLimited(OF_ANOTHER, retry_after=7, excerpt=OF_ANOTHER),
            "last failure model_rate_limited",
            {},
        ),
        (
            ModelTimeout(OF_ANOTHER, timeout=9),
            "last failure model_unavailable: it did not answer in time",
            {},
        ),
    ],
)
async def test_who_meets_an_open_circuit_is_told_since_when_and_why_and_nothing_of_another_caller(
    error: AgentError, told: str, details: dict[str, Any]
) -> None:
    model = ScriptedModel([error] * 3)
    circuit = CircuitBreaker(model, silence_is_failure=True)
    for _ in range(1 if isinstance(error, ModelRateLimited) else 3):
        with pytest.raises(type(error)) as own:
            await circuit.complete(REQUEST)
        assert own.value is error  # whoever asked is told all
    with pytest.raises(Unavailable) as held:
        await circuit.complete(REQUEST)
    assert re.fullmatch(
        rf"the circuit of this model is open since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, {re.escape(told)}",
        held.value.message,
    )
    assert held.value.details == details
    assert held.value.__cause__ is held.value.__context__ is None
    assert OF_ANOTHER not in repr(vars(held.value))


async def test_one_call_finds_out_whether_it_is_back() -> None:
    circuit, model = broken(DOWN, DOWN, DOWN, "back", "again")
    model.delay = 0.05
    await fail(circuit, 3)
    await asyncio.sleep(0.26)
    answers = await asyncio.gather(*(circuit.complete(REQUEST) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert len(model.requests) == 4
    assert (await circuit.complete(REQUEST)).text == "again"


async def test_a_server_that_says_when_to_come_back_is_obeyed_at_once() -> None:
    circuit, model = broken(ModelRateLimited("slow down", retry_after=7.0))
    for expected in (7.0, 7.0):
        with pytest.raises(ModelRateLimited) as caught:
            await circuit.complete(REQUEST)
        assert caught.value.retry_after == pytest.approx(expected, abs=0.5)
    assert len(model.requests) == 1


@pytest.mark.parametrize("errors", [[ModelTimeout("no answer")], [ModelTruncated("cut off")]])
async def test_other_errors_open_nothing(errors: Sequence[Exception]) -> None:
    circuit, model = broken(*errors, *errors, *errors, *errors, "well")
    for error in [*errors] * 4:
        with pytest.raises(type(error)):
            await circuit.complete(REQUEST)
    assert (await circuit.complete(REQUEST)).text == "well"
    assert len(model.requests) == 5


async def test_a_probe_that_is_cancelled_gives_its_place_to_another() -> None:
    circuit, model = broken(DOWN, DOWN, DOWN, "never seen", "back")
    await fail(circuit, 3)
    await asyncio.sleep(0.26)
    model.delay = 1.0
    probe = asyncio.create_task(circuit.complete(REQUEST))
    await asyncio.sleep(0.01)
    probe.cancel()
    await asyncio.wait({probe})
    model.delay = 0
    assert (await circuit.complete(REQUEST)).text == "back"
