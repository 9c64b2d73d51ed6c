"""Log lines: whole, bounded, one JSON object each, with the ids of the work and without secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from domain.errors import ModelMisconfigured
from domain.log_context import bind
from infrastructure.telemetry.logs import MAX_LINE, JsonForm, configure_logging
from infrastructure.telemetry.tracing import Tracer

log = logging.getLogger("agents.runtime.runner")


def fail(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("devops", "info", human=False, stream=stream)
    return stream


def only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_line_says_when_how_grave_where_and_what(stream: io.StringIO) -> None:
    log.info("claimed %s", "it", extra={"task": "create-issue", "attempt": 2})
    log.debug("not shown")

    fields = only(stream)
    assert fields.pop("timestamp")[-1] == "Z"
    assert fields == {
        "level": "info",
        "logger": "agents.runtime.runner",
        "message": "claimed it",
        "agent": "devops",
        "task": "create-issue",
        "attempt": 2,
    }


async def test_a_line_carries_what_is_bound_around_it_and_not_what_others_bound(stream: io.StringIO) -> None:
    async def work(execution_id: str) -> None:
        with bind(execution_id=execution_id, correlation_id="c1", causation_id=None):
            await asyncio.sleep(0.001)
            log.info(execution_id)

    with bind(task="triage"):
        await asyncio.gather(work("x1"), work("x2"))
        log.info("after")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    ids = {
        line["message"]: (line.get("execution_id"), line.get("correlation_id"), line["task"])
        for line in lines
    }
    assert ids == {
        "x1": ("x1", "c1", "triage"),
        "x2": ("x2", "c1", "triage"),
        "after": (None, None, "triage"),
    }
    assert "causation_id" not in lines[0]


def test_a_line_carries_the_ids_of_its_span(stream: io.StringIO) -> None:
    tracer = Tracer(SimpleSpanProcessor(InMemorySpanExporter()), DEFAULT_ON, Resource({}))
    with tracer.span(
        "task triage", "internal", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None
    ) as span:
        log.info("inside")
        assert span.traceparent is not None
        span_id = span.traceparent.split("-")[2]

    fields = only(stream)
    assert (fields["trace_id"], fields["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", span_id)


def test_an_exception_is_one_line_with_its_causes_and_frames(stream: io.StringIO) -> None:
    try:
        fail(
            ModelMisconfigured("the key is wrong", api_key="abc123", model="gpt-4o"),
            ConnectionRefusedError(111, "refused"),
        )
    except ModelMisconfigured:
        log.exception("the model cannot be asked")

    exception = only(stream)["exception"]
    assert (exception["type"], exception["code"]) == ("ModelMisconfigured", "model_misconfigured")
    assert exception["details"] == {"api_key": "***", "model": "gpt-4o"}
    assert exception["causes"][0]["type"] == "ConnectionRefusedError"
    assert "test_logs.py:" in exception["frames"][0]


def test_errors_of_a_task_group_are_shown_each(stream: io.StringIO) -> None:
    try:
        fail(ExceptionGroup("two", [ValueError("one"), KeyError("other")]))
    except ExceptionGroup:
        log.exception("several")

    assert [member["type"] for member in only(stream)["exception"]["exceptions"]] == [
        "ValueError",
        "KeyError",
    ]


@pytest.mark.parametrize(
    ("extra", "shown"),
    [
        ({"api_key": "abc"}, {"api_key": "***"}),
        ({"DAPR_API_TOKEN": "abc"}, {"DAPR_API_TOKEN": "***"}),
        (
            {"headers": {"Authorization": "Bearer abc", "accept": "x"}},
            {"headers": {"Authorization": "***", "accept": "x"}},
        ),
        ({"passwords": ["a", "b"]}, {"passwords": "***"}),
        ({"input_tokens": 12, "idempotency_key": "k1"}, {"input_tokens": 12, "idempotency_key": "k1"}),
        ({"items": [{"client_secret": "abc"}]}, {"items": [{"client_secret": "***"}]}),
    ],
)
def test_values_under_a_secret_name_are_masked(
    stream: io.StringIO, extra: dict[str, object], shown: dict[str, object]
) -> None:
    log.info("x", extra=extra)
    assert only(stream).items() >= shown.items()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("got Authorization: Bearer abcdefgh.123", "got Authorization: Bearer ***"),
        ("redis://user:pass@host:6379 is gone", "redis://***@host:6379 is gone"),
        ("AccountEndpoint=https://x/;AccountKey=abc==;", "AccountEndpoint=https://x/;AccountKey=***;"),
        ("SharedAccessKey=abc;EntityPath=q", "SharedAccessKey=***;EntityPath=q"),
        ("{'api-key': 'abc', 'x': 1}", "{'api-key': '***', 'x': 1}"),
        ("?sv=1&sig=abc&x=2", "?sv=1&sig=***&x=2"),
        ("used 12 tokens: a basic case, the key: none", "used 12 tokens: a basic case, the key: none"),
    ],
)
def test_secrets_inside_of_texts_are_masked(stream: io.StringIO, message: str, shown: str) -> None:
    log.info(message)
    assert only(stream)["message"] == shown


@pytest.mark.parametrize("character", ["x", "\x00", "é", "日", "\U0001f600"])
def test_a_line_never_reaches_the_length_that_stops_the_dapr_cli(stream: io.StringIO, character: str) -> None:
    log.info(
        "first%s",
        character * 1_000_000,
        extra={f"field{n}": character * 10_000 for n in range(50)} | {"n": 1},
    )

    assert len(stream.getvalue().encode()) <= MAX_LINE + 1
    fields = only(stream)
    assert fields["message"].startswith("first")
    assert fields["truncated_bytes"] > MAX_LINE
    assert fields["agent"] == "devops"


def test_nothing_that_is_logged_loses_its_line() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    def line(**record: object) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(JsonForm("devops").format(logging.makeLogRecord(record)))
        return fields

    circular: list[object] = []
    circular.append(circular)
    assert line(msg="%d items", args=("no",))["message"] == "%d items ('str',)"
    shown = line(msg="x", value=Broken(), circle=circular, nan=float("nan"))
    assert shown["value"].endswith("Broken")
    assert shown["nan"] == "NaN"
    assert "ud800" in line(msg="\ud800", **{"\ud800": "\ud800"})["message"]


def test_uvicorn_and_warnings_come_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started", extra={"color_message": "\x1b[32mStarted"})
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    uvicorn, warning = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (uvicorn["logger"], uvicorn["message"]) == ("uvicorn.error", "Started")
    assert "color_message" not in uvicorn
    assert (warning["logger"], "DeprecationWarning: old" in warning["message"]) == ("py.warnings", True)


def test_people_get_readable_lines_without_terminal_tricks_and_secrets() -> None:
    stream = io.StringIO()
    configure_logging("devops", "info", human=True, stream=stream)
    api_key = "abc123"
    with bind(execution_id="x1"):
        log.info("created \x1b[2Jissue", extra={"token": api_key, "title": "a\x07b"})
    try:
        fail(ValueError("Bearer abcdefgh"))
    except ValueError:
        log.exception("failed")

    first, *rest = stream.getvalue().splitlines()
    assert "created \\x1b[2Jissue" in first
    assert "execution_id=x1" in first
    assert "token=***" in first
    assert "\x07" not in first
    assert any(line.endswith("ValueError: Bearer ***") for line in rest)
    assert "abc123" not in stream.getvalue()


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="the log level 'loud' is unknown: use one of critical,"):
        configure_logging("devops", "loud", human=False)
