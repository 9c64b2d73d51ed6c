"""The adapter: what the environment switches on, what a collector gets, what a scrape shows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from subprocess import run
from time import monotonic

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from infrastructure.telemetry import metrics as metrics_module
from infrastructure.telemetry.metrics import Metrics
from infrastructure.telemetry.otel import OtelTelemetry, telemetry_from_environment
from tests.stand_ins.otlp_receiver import OtlpReceiver, otlp_receiver


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        "OTEL_SDK_DISABLED",
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_SAMPLER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OtlpReceiver]:
    async with otlp_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        yield receiver


async def test_a_collector_gets_one_trace_of_two_services(receiver: OtlpReceiver) -> None:
    sender, taker = telemetry_from_environment("test-planning"), telemetry_from_environment("implementation")
    with sender.span(
        "task generate-spec", attributes={"agents.task": "generate-spec", "attempts": 1}
    ) as span:
        traceparent = span.traceparent
    with (
        taker.span("process agents.testplanning.spec.generated", "consumer", traceparent),
        pytest.raises(ValueError, match="no files"),
        taker.span("task generate-code"),
    ):
        raise ValueError("no files")
    await asyncio.to_thread(sender.close)
    await asyncio.to_thread(taker.close)

    spans = receiver.spans()
    first, delivery, second = (
        spans["task generate-spec"],
        spans["process agents.testplanning.spec.generated"],
        spans["task generate-code"],
    )
    assert first.trace_id == delivery.trace_id == second.trace_id
    assert (first.parent_span_id, delivery.parent_span_id) == (b"", first.span_id)
    assert second.parent_span_id == delivery.span_id
    assert delivery.kind == Span.SPAN_KIND_CONSUMER
    assert (delivery.flags & 0x300, second.flags & 0x300) == (
        0x300,
        0x100,
    )  # only the first parent was remote
    assert {item.key: item.value for item in first.attributes}["attempts"].int_value == 1
    assert (second.status.code, second.status.message) == (Status.STATUS_CODE_ERROR, "no files")
    assert 0 < second.start_time_unix_nano <= second.end_time_unix_nano
    names = [
        {item.key: item.value.string_value for item in resource.resource.attributes}["service.name"]
        for resource in receiver.traces
    ]
    assert names == ["test-planning", "implementation"]


async def test_a_collector_gets_the_metrics_by_their_opentelemetry_names(receiver: OtlpReceiver) -> None:
    telemetry = telemetry_from_environment("devops")
    telemetry.count("agents.executions", 2, {"task": "analyze-sprint", "status": "completed"})
    telemetry.record("gen_ai.client.operation.duration", 0.3, {"gen_ai.request.model": "smollm2"})
    await asyncio.to_thread(telemetry.close)

    executions, duration = receiver.metrics
    assert (executions.name, executions.sum.is_monotonic) == ("agents.executions", True)
    assert executions.sum.data_points[0].as_int == 2
    assert (duration.name, duration.unit) == ("gen_ai.client.operation.duration", "s")
    point = duration.histogram.data_points[0]
    assert (point.count, point.sum, list(point.bucket_counts)) == (1, 0.3, [0, 0, 0, 0, 0, 1] + [0] * 9)
    assert (point.HasField("min"), point.HasField("max")) == (False, False)


async def test_headers_and_compression_come_from_the_standard_settings(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "named-by-operator")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    telemetry = telemetry_from_environment("devops")
    with telemetry.span("one"):
        pass
    await asyncio.to_thread(telemetry.close)

    assert receiver.headers[0]["x-tenant"] == "blue"
    assert receiver.headers[0]["content-encoding"] == "gzip"
    resource = {item.key: item.value.string_value for item in receiver.traces[0].resource.attributes}
    assert resource["service.name"] == "named-by-operator"
    assert resource["deployment.environment.name"] == "staging"


async def test_the_sampler_setting_decides_for_new_traces_only(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    telemetry = telemetry_from_environment("devops")
    with telemetry.span("new") as span:
        assert span.traceparent is not None
        assert span.traceparent.endswith("-00")
    with telemetry.span("asked for", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        pass
    await asyncio.to_thread(telemetry.close)

    assert list(receiver.spans()) == ["asked for"]


async def test_a_collector_that_is_gone_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{unused_port}")
    telemetry = telemetry_from_environment("devops")
    with telemetry.span("lost"):
        pass
    begin = monotonic()
    await asyncio.to_thread(telemetry.close, 0.5)
    assert monotonic() - begin < 10


@pytest.fixture
def unused_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_tracing_is_off_unless_something_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    telemetry = telemetry_from_environment("devops")

    with telemetry.span("first", "server", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") as span:
        span.set({"a": 1})
        assert span.traceparent is None
    assert telemetry.span("first") is telemetry.span("second")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "OTEL_TRACES_EXPORTER",
            "zipkin",
            "OTEL_TRACES_EXPORTER='zipkin' is unknown: use one of otlp, console, none",
        ),
        ("OTEL_METRICS_EXPORTER", "otlp,x", "otlp, console, none, prometheus"),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL='grpc' is not built in: use http/protobuf",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "1m",
            "OTEL_METRIC_EXPORT_INTERVAL='1m' must be a whole number of milliseconds",
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=said):
        telemetry_from_environment("devops")


def test_nothing_of_the_sdk_is_loaded_while_it_is_off() -> None:
    code = (
        "import sys\n"
        "from infrastructure.telemetry.otel import telemetry_from_environment\n"
        "import infrastructure.telemetry.logs\n"
        "telemetry_from_environment('devops')\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'structlog', 'requests'))])"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert done.stdout == "[]\n"


def test_the_console_exporter_writes_a_span_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    telemetry = telemetry_from_environment("devops")
    with telemetry.span("task triage", attributes={"a": 1}):
        pass
    telemetry.close()

    (line,) = capsys.readouterr().out.splitlines()
    assert '"name": "task triage"' in line


def test_a_scrape_shows_counters_histograms_and_the_process() -> None:
    telemetry = OtelTelemetry(Metrics())
    telemetry.count("agents.executions", attributes={"agent": "devops", "status": "completed"})
    telemetry.count("agents.executions", attributes={"agent": "devops"})
    telemetry.record("agents.sidecar.call.duration", 0.0007, {"operation": "create"})
    body, content_type = telemetry.prometheus_text()

    page = body.decode()
    assert content_type.startswith("text/plain")
    assert "# HELP agents_executions_total Executions that ended, by status." in page
    assert 'agents_executions_total{agent="devops",status="completed"} 1.0' in page
    assert 'agents_executions_total{agent="devops",status=""} 1.0' in page
    assert 'agents_sidecar_call_duration_seconds_bucket{le="0.0005",operation="create"} 0.0' in page
    assert 'agents_sidecar_call_duration_seconds_bucket{le="0.001",operation="create"} 1.0' in page
    assert 'agents_sidecar_call_duration_seconds_bucket{le="+Inf",operation="create"} 1.0' in page
    assert 'agents_sidecar_call_duration_seconds_sum{operation="create"} 0.0007' in page
    assert "process_resident_memory_bytes" in page


def test_a_metric_keeps_a_bounded_number_of_label_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "MAX_POINTS", 2)
    metrics = Metrics()
    for caller in ("a", "b", "c", "d", "a"):
        metrics.count("agents.calls", attributes={"caller": caller})

    (series,) = metrics.read()
    assert [(point.attributes, point.total) for point in series.points] == [
        ({"caller": "a"}, 2),
        ({"caller": "b"}, 1),
        ({"otel.metric.overflow": True}, 2),
    ]
