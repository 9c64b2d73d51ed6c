from __future__ import annotations

import asyncio

import pytest

from domain.errors import (
    AgentError,
    ModelAnswerInvalid,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnavailable,
)
from infrastructure.llm.retry import RetryingModel
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.testing.virtual_time import in_virtual_time
from tests.unit.llm.asking import REQUEST

DOWN = ModelUnavailable("the connection broke")


def retrying(*script: Scripted) -> tuple[RetryingModel, ScriptedModel]:
    model = ScriptedModel(list(script))
    return RetryingModel(model, attempts=2, within=1.0), model


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_quick_trouble_is_over_before_anybody_hears_of_it() -> None:
    model, asked = retrying(DOWN, DOWN, "well")
    assert (await model.complete(REQUEST)).text == "well"
    assert len(asked.requests) == 3
    assert 0.15 <= now() <= 0.3
    assert [request.timeout for request in asked.requests] == sorted(
        (request.timeout for request in asked.requests), reverse=True
    )


@in_virtual_time
async def test_trouble_that_lasts_is_the_runtimes_within_a_second() -> None:
    model, asked = retrying(DOWN, DOWN, DOWN)
    with pytest.raises(ModelUnavailable):
        await model.complete(REQUEST)
    assert len(asked.requests) == 3
    assert now() < 1.0


@in_virtual_time
async def test_a_server_that_says_when_to_come_back_is_obeyed_when_that_is_soon() -> None:
    model, asked = retrying(ModelRateLimited("busy", retry_after=0.4), "well")
    assert (await model.complete(REQUEST)).text == "well"
    assert now() == pytest.approx(0.4)
    assert len(asked.requests) == 2


@pytest.mark.parametrize(
    "error",
    [
        ModelRateLimited("busy", retry_after=7.0),
        ModelRateLimited("busy"),
        ModelUnavailable("overloaded", retry_after=7.0),
        ModelTimeout("slow"),
        ModelTruncated("cut off"),
        ModelRefused("no"),
        ModelAnswerInvalid("prose"),
        ModelMisconfigured("wrong key"),
    ],
)
def test_whatever_is_not_over_soon_is_passed_on_at_once(error: AgentError) -> None:
    @in_virtual_time
    async def play() -> None:
        model, asked = retrying(error)
        with pytest.raises(type(error)):
            await model.complete(REQUEST)
        assert len(asked.requests) == 1
        assert now() == 0

    play()


class CutOff(ScriptedModel):
    async def complete(self, request, on_text=None):  # type: ignore[no-untyped-def]
        self.requests.append(request)
        if on_text is not None:
            on_text("half a sen")
        raise DOWN


@in_virtual_time
async def test_a_stream_that_has_sent_text_does_not_begin_anew_under_its_reader() -> None:
    asked = CutOff()
    read: list[str] = []
    with pytest.raises(ModelUnavailable):
        await RetryingModel(asked, attempts=2, within=1.0).complete(REQUEST, read.append)
    assert read == ["half a sen"]
    assert len(asked.requests) == 1


@in_virtual_time
async def test_all_tries_together_keep_the_requests_timeout() -> None:
    asked = ScriptedModel([DOWN, "never in time"], delay=0.3)
    began = now()
    with pytest.raises(ModelTimeout):
        await RetryingModel(asked, attempts=2, within=1.0).complete(
            type(REQUEST)(REQUEST.messages, max_tokens=50, timeout=0.5)
        )
    assert now() - began == pytest.approx(0.5)
