"""Server-sent events: a task's text as it comes, and what the agent received and published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from agents.runtime.intake import HEADSTART
from agents.service_desk import AGENT as SERVICE_DESK
from domain.chat import ChatRequest
from domain.errors import ModelUnavailable
from domain.event import Event
from infrastructure.host import journal
from infrastructure.host import sse as streams
from infrastructure.host.journal import Journal
from infrastructure.memory.model import ScriptedModel, answer_by_schema
from tests.unit.host.hosted import Hosted, error_of, hosted, sse
from tests.unit.runtime.sample import Sample, said

TRIAGE = "/api/service-desk/triage/stream"
TICKET = {"ticket_id": "T-1", "title": "VPN drops", "description": "Every five minutes."}


def triage_alone(request: ChatRequest) -> str:
    return ANSWER if request.output_name == "triage" else answer_by_schema(request)


ANSWER = '{"category":"network","urgency":"high","reason":"work stops","confidence":90}'


async def test_a_stream_gives_the_models_text_and_then_the_usual_result() -> None:
    async with hosted(SERVICE_DESK, model=ScriptedModel(triage_alone)) as api:
        response = await api.post(TRIAGE, TICKET, Idempotency_Key="k")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        events = list(sse(response.text))
        tokens = [data["text"] for name, data in events if name == "token"]
        assert [name for name, _ in events] == ["call", *["token"] * len(tokens), "usage", "result"]
        assert "".join(tokens) == ANSWER
        assert events[0][1] == {"prompt": "triage", "version": "1.0.0"}
        assert events[-2][1]["output_tokens"] == events[-1][1]["usage"]["output_tokens"]
        repeated = await api.post("/api/service-desk/triage", TICKET, Idempotency_Key="k")
        assert repeated.json() == {**events[-1][1], "replayed": True}


async def test_text_that_was_in_vain_is_followed_by_another_call() -> None:
    answers = iter(['{"category":"none of them"}', ANSWER])

    def scripted(request: ChatRequest) -> str:
        return next(answers) if request.output_name == "triage" else answer_by_schema(request)

    async with hosted(SERVICE_DESK, model=ScriptedModel(scripted)) as api:
        names = [name for name, _ in sse((await api.post(TRIAGE, TICKET)).text)]
    assert [name for name in names if name != "token"] == ["call", "usage", "call", "usage", "result"]


async def test_the_text_comes_as_well_when_the_command_is_delivered_before_the_request_gets_to_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with hosted(SERVICE_DESK, model=ScriptedModel(triage_alone, delay=4 * HEADSTART)) as api:
        publish = api.platform.broker.publish

        async def slow_answer(topic: str, event: Event) -> None:
            await publish(topic, event)
            await asyncio.sleep(2 * HEADSTART)

        monkeypatch.setattr(api.platform.broker, "publish", slow_answer)
        events = list(sse((await api.post(TRIAGE, TICKET)).text))
    assert events[-1][1]["replayed"], "the delivery ran it"
    assert "".join(data["text"] for name, data in events if name == "token") == ANSWER


async def test_a_stream_of_finished_work_is_its_result_alone() -> None:
    async with hosted(SERVICE_DESK, model=ScriptedModel(triage_alone)) as api:
        await api.post("/api/service-desk/triage", TICKET, Idempotency_Key="k")
        ((name, data),) = sse((await api.post(TRIAGE, TICKET, Idempotency_Key="k")).text)
        assert (name, data["replayed"]) == ("result", True)


async def test_a_failure_ends_a_stream_with_an_error_event() -> None:
    model = ScriptedModel(triage_alone)
    model.down = ModelUnavailable("the model is away", retry_after=9)
    async with hosted(SERVICE_DESK, model=model) as api:
        (call, _), (name, data) = sse((await api.post(TRIAGE, TICKET)).text)
        assert (call, name) == ("call", "error")
        assert data["error"]["code"] == "model_unavailable"
        assert data["error"]["details"]["kept"] == "it runs as soon as it can; do not send it again"


async def test_what_nobody_foresaw_ends_a_stream_with_an_error_event_too(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("with a secret")

    monkeypatch.setattr(api.service, "submit", broken)
    response = await api.post("/api/sample/shout/stream", {"word": "hi"})
    ((name, data),) = sse(response.text)
    assert (name, data["error"]["code"]) == ("error", "internal")
    assert "secret" not in response.text


async def test_a_quiet_stream_says_that_it_is_still_there(
    api: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE", 0.02)
    text = (await api.post("/api/sample/shout/stream", {"word": "hi", "slow": 0.1})).text
    assert text.startswith(": still here\n\n: still here\n\n")
    assert [name for name, _ in sse(text)] == ["result"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"nonsense", {}, 400),
        ({"word": 5}, {}, 422),
        ({"word": "x"}, {"Idempotency_Key": "a b"}, 400),
        ({"word": "x"}, {"Content_Type": "text/plain"}, 415),
    ],
)
async def test_bad_input_is_refused_before_a_stream_begins(
    api: Hosted, body: Any, headers: dict[str, str], status: int
) -> None:
    response = await api.post("/api/sample/shout/stream", body, **headers)
    assert response.status_code == status
    error_of(response)


async def test_work_goes_on_when_the_reader_leaves(api: Hosted, sample: Sample) -> None:
    stream = watch(api, "/api/sample/shout/stream", method="POST", body=b'{"word":"hi","slow":0.1}')
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.05)
    reading.cancel()
    await asyncio.wait([reading])
    await api.platform.quiet(0.2)
    assert len(sample.runs) == 1
    assert api.platform.events[-1].data == {"word": "HI"}


async def test_events_show_what_came_before_and_what_comes(api: Hosted) -> None:
    api.platform.publish(said("first"))
    await api.platform.quiet()
    stream = watch(api, "/api/sample/events/stream")
    assert await anext(stream) == ": still here\n\n"
    ((name, data),) = sse(await anext(stream))
    assert name == "message"
    assert (data["direction"], data["topic"]) == ("received", "agents.sample.word.said")
    assert data["event"]["data"]["word"] == "first"
    api.platform.broker.send("agents.sample.word.said", b"no \xff JSON")
    ((_, data),) = sse(await anext(stream))
    assert data["event"] == {"unreadable": "no \ufffd JSON"}
    await stream.aclose()


async def test_a_service_that_stops_lets_its_watchers_go(api: Hosted) -> None:
    stream = watch(api, "/api/sample/events/stream")
    await anext(stream)
    await api.service.stop(grace=0)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), 60)


async def test_a_journal_forgets_the_oldest_by_number_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    monkeypatch.setattr(journal, "KEPT_BYTES", 10)
    kept = Journal()
    for message in (b"1", b"2", b"3", b"4", b"9 bytes 5"):
        kept.note("received", "t", message)
    kept.close()
    assert [entry["event"] async for entry in kept.watch()] == [b"4", b"9 bytes 5"]


async def test_a_watcher_that_does_not_read_costs_a_bounded_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "QUEUED", 2)
    kept = Journal()
    watching = kept.watch()
    first = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0)
    for number in range(100):
        kept.note("received", "t", b"%d" % number)
    assert (await first)["event"] == b"0"
    assert (await anext(watching))["event"] == b"1"
    kept.note("received", "t", b"new")
    assert (await anext(watching))["event"] == b"new"


async def watch(api: Hosted, path: str, *, method: str = "GET", body: bytes = b"") -> AsyncGenerator[str]:
    """The pieces of an endless response as they come. httpx' transport would collect them for ever."""
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    gone = asyncio.Event()
    incoming = [{"type": "http.request", "body": body, "more_body": False}]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip

    async def receive() -> Any:
        if incoming:
            return incoming.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            if message.get("body"):
                pieces.put_nowait(message["body"].decode())
            if not message.get("more_body"):
                pieces.put_nowait(None)

    serving = asyncio.ensure_future(api.app(scope, receive, send))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
    finally:
        gone.set()
        await serving
