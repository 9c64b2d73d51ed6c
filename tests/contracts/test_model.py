"""What every model does, whichever client asks whichever server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from domain.chat import ChatRequest, Message
from domain.errors import ModelMisconfigured, ModelTimeout, ModelTruncated, ModelUnavailable
from tests.contracts.model_subjects import CLIENTS, UNKNOWN, Subject, on_azure, on_ollama, on_openai, twin
from tests.integration.ollama import OLLAMA_MODEL, ollama  # noqa: F401 - a fixture
from tests.stand_ins import azure_openai

pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince211"
)  # Semantic Kernel

SUBJECTS = [
    "twin",
    *(
        f"{client} on {server}"
        for client in CLIENTS
        for server in ("openai", "azure by key", "azure by identity")
    ),
    *(
        pytest.param(f"{client} on ollama", marks=[pytest.mark.integration, pytest.mark.timeout(400)])
        for client in CLIENTS
    ),
]


@pytest.fixture(params=SUBJECTS)
def chosen(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Client, server, and the address of Ollama when it is the server (started outside of any event loop)."""
    client, _, server = request.param.partition(" on ")
    return client, server, request.getfixturevalue("ollama") if server == "ollama" else ""


@pytest.fixture
async def subject(chosen: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subject]:
    client, server, address = chosen
    match server:
        case "openai":
            async with on_openai(client) as on_server:
                yield on_server
        case "azure by key":
            async with on_azure(client, monkeypatch, key=azure_openai.AZURE_KEY) as on_server:
                yield on_server
        case "azure by identity":
            async with on_azure(client, monkeypatch, key=None) as on_server:
                yield on_server
        case "ollama":
            real = on_ollama(client, address, OLLAMA_MODEL)
            yield real
            await real.close()
        case _:
            yield twin()


class Case(BaseModel):
    title: Annotated[str, Field(max_length=40)]
    priority: Annotated[
        int, Field(ge=0, le=3)
    ]  # Azure takes no bounds: 0 is what a stand-in answers without them


class Plan(BaseModel):
    feature: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Annotated[str, Field(json_schema_extra={"enum": ["unit", "e2e"]})]
    cases: Annotated[list[Case], Field(max_length=2)]
    note: Annotated[str, Field(max_length=20)] | None = None


def request(text: str = "Write one short sentence about the moon.", **changed: object) -> ChatRequest:
    values = {
        "max_tokens": 400,
        "temperature": 0.0,
        "seed": 7,
        "timeout": 180.0,
    } | changed  # a busy machine is slow
    return ChatRequest(messages=(Message("system", "You are brief."), Message("user", text)), **values)  # type: ignore[arg-type]


def plan_request(**changed: object) -> ChatRequest:
    schema = Plan.model_json_schema()
    return request(
        "Plan the tests of a login form.", output_schema=schema, output_name="test plan", **changed
    )


def ignore_text(_: str) -> None: ...


async def test_an_answer_names_its_model_and_counts_its_tokens(subject: Subject) -> None:
    reply = await subject.model.complete(request())
    assert reply.text
    assert reply.model
    assert 1 <= reply.usage.input_tokens < 200
    assert 1 <= reply.usage.output_tokens <= 400


async def test_an_answer_with_a_schema_fits_it(subject: Subject) -> None:
    reply = await subject.model.complete(plan_request())
    plan = Plan.model_validate_json(reply.text)
    assert plan.kind in {"unit", "e2e"}


async def test_a_streamed_answer_arrives_in_pieces_and_is_returned_whole(subject: Subject) -> None:
    pieces: list[str] = []
    reply = await subject.model.complete(plan_request(), pieces.append)
    assert len(pieces) > 3
    assert "".join(pieces) == reply.text
    Plan.model_validate_json(reply.text)
    assert reply.usage.input_tokens >= 1
    assert reply.usage.output_tokens >= 1


async def test_an_answer_cut_off_by_its_limit_is_an_error_that_names_the_limit(subject: Subject) -> None:
    for on_text in (None, ignore_text):
        with pytest.raises(ModelTruncated, match="cut off at 5 tokens") as raised:
            await subject.model.complete(plan_request(max_tokens=5), on_text)
        assert raised.value.details["max_tokens"] == 5


async def test_an_answer_that_takes_too_long_is_a_timeout_that_names_the_seconds(subject: Subject) -> None:
    subject.slow_down()
    with pytest.raises(ModelTimeout, match=r"within 0\.05 s"):
        await subject.model.complete(request("Count to a thousand.", timeout=0.05))


async def test_a_model_that_the_server_does_not_have_is_named_by_the_call_and_by_the_check(
    subject: Subject,
) -> None:
    with pytest.raises(ModelMisconfigured, match=UNKNOWN):
        await subject.misnamed.complete(request())
    with pytest.raises(ModelMisconfigured, match=UNKNOWN):
        await subject.misnamed.check()


async def test_a_server_that_is_gone_is_unavailable_to_the_call_and_to_the_check(subject: Subject) -> None:
    with pytest.raises(ModelUnavailable):
        await subject.gone.complete(request())
    with pytest.raises(ModelUnavailable):
        await subject.gone.complete(request(), ignore_text)
    with pytest.raises(ModelUnavailable):
        await subject.gone.check()


async def test_the_check_passes_when_the_server_has_the_model(subject: Subject) -> None:
    await subject.model.check()


async def test_calls_run_side_by_side(subject: Subject) -> None:
    replies = await asyncio.gather(*(subject.model.complete(plan_request()) for _ in range(4)))
    assert all(Plan.model_validate_json(reply.text) for reply in replies)


async def test_a_cancelled_call_leaves_the_model_usable(subject: Subject) -> None:
    call = asyncio.create_task(subject.model.complete(plan_request()))
    await asyncio.sleep(0.005)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert (await subject.model.complete(request())).text


async def test_closing_twice_is_closing_once(subject: Subject) -> None:
    await subject.model.complete(request(max_tokens=400))
    await subject.model.close()
    await subject.model.close()
