"""What a model's server can do wrong, and what each wrapper makes of it: the error, the calls that were made, the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from domain.chat import ChatReply, ChatRequest, Message, Origin
from domain.errors import (
    AgentError,
    ModelAnswerInvalid,
    ModelFailsForInput,
    ModelMisconfigured,
    ModelRateLimited,
    ModelTimeout,
    ModelTruncated,
    ModelUnavailable,
    Unavailable,
)
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.llm.circuit import POISONED
from infrastructure.llm.spending.costs import CostBook
from infrastructure.llm.spending.ledger import Ledger
from infrastructure.llm.stack import Stack, Surroundings
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from tests.stand_ins.openai_server import KEY as SECRET
from tests.stand_ins.openai_server import (
    MODEL,
    OpenAIServer,
    Play,
    answer,
    broken_off,
    chunk,
    raw,
    serving,
    status,
    stream_of,
)

ORIGIN = Origin("sample", "shout", "e1", "c1", "prompt", "1.0.0")
REQUEST = ChatRequest((Message("user", "Hello"),), max_tokens=100, timeout=2, temperature=0.0, origin=ORIGIN)
PATIENT = replace(REQUEST, timeout=4)
"""Where half of the time is a fallback's, and a slow machine has to get a hedge out in the other half."""
WRAPPERS = {
    "nothing": "",
    "retry": "retry: {attempts: 2}",
    "limits": "limits: {requests_per_minute: 6000, tokens_per_minute: 1_000_000, parallel: 10}",
    "hedging": "hedging: {after: 800ms}",
    "cache": "cache: {ttl: 1h}",
    "fallback": "fallbacks: [spare]",
    "all": "retry: {attempts: 2}, limits: {parallel: 10}, hedging: {after: 800ms}, cache: {ttl: 1h}, fallbacks: [spare]",
}


@dataclass
class System:
    model: Any
    first: OpenAIServer
    spare: OpenAIServer


async def hang(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(30)
    return await answer()(request, body)


async def drip(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
    """A stream that never ends, nor ever stops."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for _turn in range(300):
        await response.write(f"data: {chunk('a')}\n\n".encode())
        await asyncio.sleep(0.1)
    return response


@asynccontextmanager
async def wrapped(folder: Path, wrapper: str) -> AsyncIterator[System]:
    async with serving(OpenAIServer()) as first, serving(OpenAIServer()) as spare:
        (folder / "models.yaml").write_text(f"""
models:
  first: {{provider: openai, address: '{first.url}', model: {MODEL}, key: KEY, prices: free, {WRAPPERS[wrapper]}}}
  spare: {{provider: openai, address: '{spare.url}', model: {MODEL}, key: KEY, prices: free}}
tasks: {{default: first}}
""")
        telemetry, store = MemoryTelemetry(), MemoryStateStore()
        catalogue = load_catalogue(folder / "models.yaml", {"KEY": SECRET})

        async def nobody(_: object) -> None: ...

        ledger = Ledger(
            "sample", store, {}, CostBook(store, "sample", None), tell=nobody, telemetry=telemetry, ttl=60
        )
        around = Surroundings(
            "sample", {"KEY": SECRET}, "lean", telemetry, lambda model, *_: model, ledger, store, store
        )
        model = Stack(catalogue, around).model()
        yield System(model, first, spare)
        await ledger.close()
        await model.close()


async def outcome(
    system: System, play: Play, on_text: Callable[[str], None] | None = None, request: ChatRequest = REQUEST
) -> tuple[Any, int, float]:
    """The error's class (None: an answer), the calls that the first server got, and the seconds it took."""
    system.first.next[:] = [play] * 10
    before, began = len(system.first.requests), asyncio.get_running_loop().time()
    error: type[AgentError] | None = None
    try:
        reply = await system.model.complete(request, on_text)
        assert isinstance(reply, ChatReply)
    except AgentError as raised:
        error = type(raised)
    return error, len(system.first.requests) - before, asyncio.get_running_loop().time() - began


BUSY = status(429, {"error": {"message": "slow down"}}, Retry_After="20")
BROKEN = status(500, {"error": {"message": "oops"}})
GARBAGE = raw(b'{"choices": [{"message": {"content": "a"')
TRUNCATED = answer("half", finish_reason="length")
FAULTS: list[tuple[str, Play, type[AgentError], dict[str, int]]] = [
    # Calls of the first server, where it is not one.
    ("429", BUSY, ModelRateLimited, {}),
    ("500", BROKEN, ModelUnavailable, {"retry": 3, "all": 3}),
    ("reset", broken_off(), ModelUnavailable, {"retry": 3, "all": 3}),
    ("hang", hang, ModelTimeout, {"hedging": 2, "all": 2}),
    ("garbage", GARBAGE, ModelAnswerInvalid, {}),
    ("truncated", TRUNCATED, ModelTruncated, {}),
]
OF_THE_INPUT = {"garbage", "truncated"}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("name", "play", "error", "calls"), FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_each_wrapper_makes_of_each_fault_what_it_should(
    tmp_path: Path, wrapper: str, name: str, play: Play, error: type[AgentError], calls: dict[str, int]
) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        found, asked, took = await outcome(system, play, request=PATIENT if wrapper == "all" else REQUEST)
        falls_back = wrapper in {"fallback", "all"} and name not in OF_THE_INPUT
        assert found is (None if falls_back else error)
        assert len(system.spare.requests) == int(falls_back)
        assert asked == calls.get(wrapper, 1)
        assert took < 60  # loosely: the request's timeout is 2 or 4 s, and machines stand still


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_storm_of_429_is_met_by_one_call_and_then_by_none(tmp_path: Path, wrapper: str) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        falls_back = wrapper in {"fallback", "all"}
        for turn in range(5):
            found, asked, _ = await outcome(system, BUSY)
            assert found is (None if falls_back else ModelRateLimited)
            # The circuit obeys Retry-After; an answer of the spare one is in the cache from then on, where there is one.
            assert asked == int(turn == 0)


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_stream_that_is_cut_in_the_middle_is_never_begun_anew(tmp_path: Path, wrapper: str) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        read: list[str] = []
        found, asked, _ = await outcome(system, stream_of(chunk("Half an")), read.append)
        assert (found, asked, read) == (ModelUnavailable, 1, ["Half an"])
        assert system.spare.requests == []


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_stream_that_drips_for_ever_ends_with_the_requests_time(tmp_path: Path, wrapper: str) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        read: list[str] = []
        found, asked, took = await outcome(system, drip, read.append)
        assert (found, asked) == (ModelTimeout, 1)
        assert took < 60
        assert set(read) == {"a"}


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_wrong_schema_ten_times_is_ten_calls_that_no_wrapper_hides(
    tmp_path: Path, wrapper: str
) -> None:
    """Whether an answer fits is the runtime's business; what it shows the model as wrong must not come from the cache."""
    async with wrapped(tmp_path, wrapper) as system:
        system.first.next[:] = [answer('{"wrong": 1}')] * 10
        for _ in range(5):
            reply = await system.model.complete(REQUEST)
            shown = (*REQUEST.messages, Message("assistant", reply.text), Message("user", "does not fit"))
            await system.model.complete(replace(REQUEST, messages=shown))
        assert len(system.first.requests) == 10
        assert system.spare.requests == []


@pytest.mark.parametrize("wrapper", WRAPPERS)
async def test_a_reply_names_who_answered_by_one_rule_whatever_stands_between(
    tmp_path: Path, wrapper: str
) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        for _ in range(2):  # the second one may come from the cache
            assert (await system.model.complete(REQUEST)).model == "first/tiny-test-model-2026-01-01"
        if "fallbacks" in WRAPPERS[wrapper]:
            system.first.usual = BUSY
            assert (await system.model.complete(asking("else"))).model == "spare/tiny-test-model-2026-01-01"


OF_ANOTHER = "patient Jane Roe, born 1990"


@pytest.mark.parametrize("wrapper", [wrapper for wrapper in WRAPPERS if wrapper not in {"fallback", "all"}])
@pytest.mark.parametrize("code", [401, 404, 418, 500, 503])
async def test_no_caller_is_told_what_the_server_said_of_another_ones_input(
    tmp_path: Path, wrapper: str, code: int
) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        system.first.usual = status(
            code, {"error": {"message": f"cannot read: {OF_ANOTHER}", "param": OF_ANOTHER}}
        )
        own: list[str] = []
        for turn in range(4):
            with pytest.raises(Unavailable) as raised:
                await system.model.complete(asking(f"of the first {turn}"))
            own.append(raised.value.message)
        assert OF_ANOTHER in own[0]
        with pytest.raises(Unavailable) as held:
            await system.model.complete(asking("of another"))
        assert "the circuit of this model is open since " in held.value.message
        assert f"(status {code})" in held.value.message
        assert (
            system.first.url.partition("/v1")[0].removeprefix("http://") in held.value.message
        )  # what helps stays
        assert OF_ANOTHER not in repr(vars(held.value))


def poisonous(play: Play) -> Play:
    """What a server does that always fails for one input, and answers every other."""

    async def respond(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await (play if body["messages"][0]["content"] == "poison" else answer())(request, body)

    return respond


def asking(text: str) -> ChatRequest:
    return replace(
        REQUEST,
        timeout=60,
        messages=(Message("user", text),),
        origin=replace(ORIGIN, execution_id=f"of {text}"),
    )


REFUSED = status(400, {"error": {"message": "cannot read this input"}})


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(
    ("play", "error", "says"),
    [
        (BROKEN, ModelUnavailable, "fails with status 500. It said: oops"),
        (REFUSED, ModelMisconfigured, "cannot read this input"),
        (broken_off(), ModelUnavailable, "the connection to"),
    ],
    ids=["500", "400", "reset"],
)
async def test_one_input_that_the_server_always_fails_for_is_told_so_and_holds_no_other(
    tmp_path: Path, wrapper: str, play: Play, error: type[AgentError], says: str
) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        system.first.usual = system.spare.usual = poisonous(play)
        found: list[AgentError] = []
        for turn in range(POISONED + 1):
            with pytest.raises(AgentError) as raised:
                await system.model.complete(asking("poison"))
            found.append(raised.value)
            # With a new text each time, so that no cache answers for the model.
            assert (await system.model.complete(asking(f"good {turn}"))).text
        assert [type(one) for one in found] == [*[error] * POISONED, ModelFailsForInput]
        assert (
            "the model fails for this input while it answers others (10 times by now): " in found[-1].message
        )
        assert says in found[-1].message


@pytest.mark.parametrize("wrapper", ["fallback", "all"])
async def test_what_another_model_can_answer_is_answered_by_it_each_time(
    tmp_path: Path, wrapper: str
) -> None:
    async with wrapped(tmp_path, wrapper) as system:
        system.first.usual = poisonous(BROKEN)
        for turn in range(POISONED + 5):
            poison = replace(asking("poison"), temperature=1.0)  # of which no cache keeps the answer
            assert (await system.model.complete(poison)).text
            assert (await system.model.complete(asking(f"good {turn}"))).text
        assert len(system.spare.requests) == POISONED + 5
