"""Wrappers around ports: what they show, and that they change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from domain.chat import ChatReply, ChatRequest, Message, Usage
from domain.errors import ModelTimeout, SidecarUnavailable
from domain.event import Event
from domain.ports.model import LanguageModel
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore, Stored
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.telemetry.model import TracedModel
from infrastructure.telemetry.pubsub import TracedPublisher
from infrastructure.telemetry.state import TracedStore

REQUEST = ChatRequest((Message("user", "what is secret"),), max_tokens=400, output_schema={}, seed=7)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT = Event(id="e1", source="/agents/devops", type="agents.devops.issue.created", traceparent=TRACEPARENT)


class Model:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.called: list[str] = []

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if self.error:
            raise self.error
        if on_text:
            on_text("an answer")
        return ChatReply("an answer", "smollm2:135m", Usage(12, 34))

    async def check(self) -> None:
        self.called.append("check")

    async def close(self) -> None:
        self.called.append("close")


class Store:
    def __init__(self) -> None:
        self.calls: list[object] = []

    async def get(self, key: str) -> Stored | None:
        self.calls.append(("get", key))
        return Stored(b"{}", "1")

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        self.calls.append(("create", key, data, ttl))
        return False

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        self.calls.append(("swap", key, data, etag, ttl))
        return True

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        self.calls.append(("put", items, ttl))


class Broker:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[tuple[str, Event]] = []

    async def publish(self, topic: str, event: Event) -> None:
        if self.error:
            raise self.error
        self.taken.append((topic, event))


async def test_a_model_call_is_a_span_of_the_genai_conventions_without_any_text() -> None:
    telemetry = MemoryTelemetry()
    model: LanguageModel = TracedModel(Model(), telemetry, provider="azure-openai", name="gpt-4o")

    reply = await model.complete(REQUEST)

    (span,) = telemetry.spans
    assert (span.name, span.kind, reply.text) == ("chat gpt-4o", "client", "an answer")
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.output.type": "json",
        "gen_ai.request.max_tokens": 400,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stream": False,
        "gen_ai.response.model": "smollm2:135m",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
    }
    assert telemetry.recorded("gen_ai.client.token.usage", **{"gen_ai.token.type": "input"}) == [12]
    assert telemetry.recorded("gen_ai.client.token.usage", **{"gen_ai.token.type": "output"}) == [34]
    assert (
        len(telemetry.recorded("gen_ai.client.operation.duration", **{"gen_ai.request.model": "gpt-4o"})) == 1
    )


async def test_a_model_call_that_fails_is_measured_by_its_error() -> None:
    telemetry = MemoryTelemetry()
    model = TracedModel(Model(ModelTimeout("no answer in 5 s")), telemetry, provider="ollama", name="smollm2")

    with pytest.raises(ModelTimeout):
        await model.complete(REQUEST)

    assert telemetry.spans[0].error == "model_timeout"
    assert len(telemetry.recorded("gen_ai.client.operation.duration", **{"error.type": "model_timeout"})) == 1
    assert telemetry.recorded("gen_ai.client.token.usage") == []


async def test_a_model_streams_checks_and_closes_through_the_wrapper() -> None:
    inner, pieces = Model(), list[str]()
    model = TracedModel(inner, MemoryTelemetry(), provider="ollama", name="smollm2")

    await model.complete(REQUEST, pieces.append)
    await model.check()
    await model.close()

    assert (pieces, inner.called) == (["an answer"], ["check", "close"])


async def test_every_call_of_a_store_goes_through_as_it_is_and_is_a_span() -> None:
    inner, telemetry = Store(), MemoryTelemetry()
    store: StateStore = TracedStore(inner, telemetry)

    assert await store.create("claim:1", b"{}", ttl=60) is False
    assert await store.swap("claim:1", b"{}", "7", ttl=None) is True
    assert await store.get("execution:1") == Stored(b"{}", "1")
    await store.put([("published:1", b""), ("published:2", b"")], ttl=60)

    assert inner.calls == [
        ("create", "claim:1", b"{}", 60),
        ("swap", "claim:1", b"{}", "7", None),
        ("get", "execution:1"),
        ("put", [("published:1", b""), ("published:2", b"")], 60),
    ]
    assert [span.name for span in telemetry.spans] == [
        "create claim",
        "swap claim",
        "get execution",
        "put published",
    ]
    assert telemetry.spans[0].attributes == {
        "db.system.name": "dapr",
        "db.operation.name": "create",
        "db.collection.name": "claim",
        "agents.state.written": False,
    }
    assert len(telemetry.recorded("agents.sidecar.call.duration", operation="create")) == 1
    assert len(telemetry.recorded("agents.sidecar.call.duration")) == 4


async def test_an_event_is_published_unaltered_below_the_span_that_made_it() -> None:
    broker, telemetry = Broker(), MemoryTelemetry()
    publisher: Publisher = TracedPublisher(broker, telemetry)

    with telemetry.span("some other trace"):
        await publisher.publish(EVENT.type, EVENT)

    assert broker.taken == [("agents.devops.issue.created", EVENT)]
    span = telemetry.spans[0]
    assert (span.name, span.kind) == ("publish agents.devops.issue.created", "producer")
    assert span.parent is not None
    assert span.parent.traceparent == TRACEPARENT
    assert span.attributes == {
        "messaging.system": "dapr",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "agents.devops.issue.created",
        "messaging.message.id": "e1",
    }


async def test_a_publication_that_fails_is_measured_by_its_error() -> None:
    telemetry = MemoryTelemetry()
    publisher = TracedPublisher(Broker(SidecarUnavailable("the sidecar does not answer")), telemetry)

    with pytest.raises(SidecarUnavailable):
        await publisher.publish(EVENT.type, EVENT)

    measured = {"operation": "publish", "error.type": "sidecar_unavailable"}
    assert len(telemetry.recorded("agents.sidecar.call.duration", **measured)) == 1
