"""What a model's server can do wrong, and what each client makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from domain.chat import ChatRequest, Message
from domain.errors import (
    AgentError,
    ModelAnswerInvalid,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelTruncated,
    ModelUnavailable,
)
from domain.ports.model import LanguageModel
from infrastructure.llm.clients.factory import model_from
from infrastructure.llm.clients.settings import ModelSettings
from tests.contracts.model_subjects import CLIENTS, Subject, on_azure, on_openai
from tests.stand_ins import azure_openai, openai_server
from tests.stand_ins.openai_server import (
    OpenAIServer,
    Play,
    answer,
    broken_off,
    chunk,
    raw,
    status,
    stream_of,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.PydanticDeprecatedSince211"
)  # Semantic Kernel

REQUEST = ChatRequest(messages=(Message("user", "Hello"),), max_tokens=100, timeout=10)
SIGN_IN_PAGE = raw(b"<html>Sign in</html>", "text/html")


@pytest.fixture(params=[f"{client} on {server}" for client in CLIENTS for server in ("openai", "azure")])
async def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subject]:
    client, _, server = request.param.partition(" on ")
    on_server = (
        on_openai(client) if server == "openai" else on_azure(client, monkeypatch, key=azure_openai.AZURE_KEY)
    )
    async with on_server as opened:
        yield opened


@pytest.fixture
def model(subject: Subject) -> LanguageModel:
    return subject.model


@pytest.fixture
def server(subject: Subject) -> OpenAIServer:
    assert subject.server is not None
    return subject.server


def ignore_text(_: str) -> None: ...


async def failing(
    model: LanguageModel, server: OpenAIServer, play: Play, *, stream: bool = False
) -> AgentError:
    """The error of a call that meets this."""
    server.next.append(play)
    with pytest.raises(AgentError) as raised:
        await model.complete(REQUEST, ignore_text if stream else None)
    server.next.clear()
    return raised.value


def content_filter(**where: Any) -> dict[str, Any]:
    message = (
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
    )
    return {"error": {"message": message, "param": "prompt", "status": 400, **where}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("play", "error", "says"),
    [
        (
            status(500, {"error": {"message": "overloaded"}}),
            ModelUnavailable,
            "fails with status 500. It said: overloaded",
        ),
        (status(503, "busy"), ModelUnavailable, "fails with status 503"),
        (status(429, {"error": {"message": "slow down"}}), ModelRateLimited, "asked too often"),
        (status(401, {"error": {"message": "wrong key"}}), ModelMisconfigured, r"does not let us in \(401\)"),
        (
            status(403, {"statusCode": 403, "message": "Public access is disabled"}),
            ModelMisconfigured,
            "Public access",
        ),
        (
            status(404, {"error": {"code": "404", "message": "Resource not found"}}),
            ModelMisconfigured,
            "nothing at this path",
        ),
        (status(302, "", Location="https://login.example"), ModelMisconfigured, r"\(302\)"),
        (status(400, content_filter(code="content_filter")), ModelRefused, "content filter"),
        (
            status(400, content_filter(innererror={"code": "ResponsibleAIPolicyViolation"})),
            ModelRefused,
            "content filter",
        ),
        (
            status(400, {"error": {"code": "context_length_exceeded", "message": "too long"}}),
            ModelRefused,
            "longer than",
        ),
        (status(413, "<html>Request Entity Too Large</html>"), ModelRefused, "longer than"),
        (
            status(
                400, {"error": {"param": "temperature", "code": "unsupported_value", "message": "only 1"}}
            ),
            ModelMisconfigured,
            "the prompt's settings do not fit. It said: only 1",
        ),
        (answer("half", finish_reason="length"), ModelTruncated, "cut off at 100 tokens"),
        (answer("", finish_reason="content_filter"), ModelRefused, "content filter"),
        (answer(refusal="I cannot help with that."), ModelRefused, "I cannot help with that."),
        (answer(""), ModelAnswerInvalid, "no text at all"),
        (answer("a\x00b"), ModelAnswerInvalid, "NUL"),
    ],
)
async def test_every_fault_has_its_error(
    model: LanguageModel, server: OpenAIServer, play: Play, error: type[AgentError], says: str, stream: bool
) -> None:
    raised = await failing(model, server, play, stream=stream)
    assert type(raised) is error
    with pytest.raises(error, match=says):
        raise raised


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (SIGN_IN_PAGE, ModelUnavailable),
        (raw(b"not json"), ModelUnavailable),
        (raw(b'{"choices": [{"message": {"content": "a"'), ModelAnswerInvalid),
        (
            raw(b'{"choices": [{"message": {"content": "\\ud800"}, "finish_reason": "stop"}]}'),
            ModelAnswerInvalid,
        ),
        (raw(b'{"choices": []}'), ModelAnswerInvalid),
        (raw(b'{"choices": [{"message": {"content": ["a"]}, "finish_reason": "stop"}]}'), ModelAnswerInvalid),
        (raw(b'{"object": "something else"}'), ModelAnswerInvalid),
        (broken_off(), ModelUnavailable),
        (broken_off(b""), ModelUnavailable),
        (answer("x" * (4 * 1024 * 1024 + 1)), ModelAnswerInvalid),
    ],
)
async def test_a_reply_that_is_none_is_an_error(
    model: LanguageModel, server: OpenAIServer, play: Play, error: type[AgentError]
) -> None:
    if type(model).__name__ == "SemanticKernelModel" and play is SIGN_IN_PAGE:
        error = ModelAnswerInvalid  # SK keeps nothing of what it could not read
    server.next.append(play)
    with pytest.raises(AgentError) as raised:
        await model.complete(ChatRequest(REQUEST.messages, max_tokens=10_000_000, timeout=10))
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("play", "error"),
    [
        (stream_of(chunk("Half an")), ModelUnavailable),
        (stream_of(), ModelUnavailable),
        (broken_off(f"data: {chunk('Half an')}\n\n".encode(), "text/event-stream"), ModelUnavailable),
        (stream_of(chunk("Half an"), '{"error": {"message": "out of memory"}}', done=True), ModelUnavailable),
        (stream_of(chunk("Half an"), '{"choices": [{"delta"'), ModelAnswerInvalid),
        (stream_of(chunk("Half an"), '{"choices": 1}', done=True), ModelAnswerInvalid),
        (stream_of(*[chunk("x" * 1_000_000)] * 5, done=True), ModelAnswerInvalid),
    ],
)
async def test_a_stream_that_breaks_is_an_error(
    model: LanguageModel, server: OpenAIServer, play: Play, error: type[AgentError]
) -> None:
    assert type(await failing(model, server, play, stream=True)) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "7", "retry_after_ms": "1500"}, 1.5),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "nan"}, None),
        ({}, None),
    ],
)
async def test_a_busy_server_says_how_long_to_wait(
    model: LanguageModel, server: OpenAIServer, headers: dict[str, str], seconds: float | None
) -> None:
    for code in (429, 503):
        raised = await failing(model, server, status(code, **headers))
        assert isinstance(raised, ModelRateLimited | ModelUnavailable)
        assert raised.retry_after == seconds


async def test_a_date_says_how_long_to_wait_as_well(model: LanguageModel, server: OpenAIServer) -> None:
    raised = await failing(model, server, status(429, Retry_After=formatdate(time() + 30, usegmt=True)))
    assert isinstance(raised, ModelRateLimited)
    assert raised.retry_after is not None
    assert 27 < raised.retry_after <= 30


async def test_only_what_was_asked_goes_over_the_wire(subject: Subject, server: OpenAIServer) -> None:
    await subject.model.complete(REQUEST)
    limit = "max_completion_tokens" if isinstance(server, azure_openai.AzureOpenAIServer) else "max_tokens"
    name = (
        azure_openai.DEPLOYMENT if isinstance(server, azure_openai.AzureOpenAIServer) else openai_server.MODEL
    )
    sent = {
        key: value for key, value in server.last.body.items() if value is not False
    }  # SK says `stream: false`
    assert sent == {"model": name, "messages": [{"role": "user", "content": "Hello"}], limit: 100}


async def test_no_call_is_repeated(model: LanguageModel, server: OpenAIServer) -> None:
    await failing(model, server, status(500))
    await failing(model, server, status(429))
    await failing(model, server, broken_off(b""))
    assert len(server.requests) == 3


async def test_a_key_never_shows_in_an_error(model: LanguageModel, server: OpenAIServer) -> None:
    key = azure_openai.AZURE_KEY if isinstance(server, azure_openai.AzureOpenAIServer) else openai_server.KEY
    raised = await failing(model, server, status(401, {"error": {"message": f"the key {key} is wrong"}}))
    assert "the key … is wrong" in raised.message
    assert key not in repr(raised.details)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"azure_openai_api_key": "wrong"}, "mend AZURE_OPENAI_API_KEY"),
        (
            {"azure_openai_api_version": "2023-05-15"},
            "mend AZURE_OPENAI_ENDPOINT or AZURE_OPENAI_API_VERSION",
        ),
        ({"azure_openai_deployment": "gpt-4o"}, "has no deployment 'gpt-4o': .* in AZURE_OPENAI_DEPLOYMENT"),
    ],
)
async def test_on_azure_an_error_names_the_setting_to_mend(
    monkeypatch: pytest.MonkeyPatch, client: str, changed: dict[str, Any], says: str
) -> None:
    async with on_azure(client, monkeypatch, key=azure_openai.AZURE_KEY):
        model = model_from(ModelSettings(**changed))
        with pytest.raises(ModelMisconfigured, match=says):
            await model.complete(REQUEST)
        with pytest.raises(ModelMisconfigured, match=says):
            await model.check()
        await model.close()


async def test_a_schema_that_ollama_cannot_read_is_not_an_outage(
    model: LanguageModel, server: OpenAIServer
) -> None:
    bad_schema = status(500, {"error": {"message": "invalid JSON schema in format"}})
    assert type(await failing(model, server, bad_schema)) is ModelMisconfigured


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_token_of_the_identity_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    async with on_azure(client, monkeypatch, key=None) as subject:
        server = subject.server
        assert isinstance(server, azure_openai.AzureOpenAIServer)
        for _ in range(3):
            await subject.model.complete(REQUEST)
        assert server.last.headers["Authorization"] == "Bearer entra-token-1"
        assert [request["resource"] for request in server.token_requests] == [
            "https://cognitiveservices.azure.com"
        ]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_check_of_something_else_says_so(client: str) -> None:
    async with on_openai(client) as subject:
        assert subject.server is not None
        wrong = subject.server.url.removesuffix("/v1")
        settings = ModelSettings(
            llm_provider="openai",
            agents_model_client=client,
            openai_base_url=wrong,
            openai_model=openai_server.MODEL,
        )
        model = model_from(settings)
        with pytest.raises(ModelMisconfigured, match="OPENAI_BASE_URL: most servers want it to end in /v1"):
            await model.check()
        await model.close()
