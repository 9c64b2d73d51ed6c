"""What every `Telemetry` does: the twin, and OpenTelemetry with an exporter that keeps its spans in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from prometheus_client.parser import text_string_to_metric_families

from domain.errors import ModelUnavailable
from domain.ports.telemetry import Telemetry
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.telemetry.metrics import Metrics
from infrastructure.telemetry.otel import OtelTelemetry
from infrastructure.telemetry.tracing import Tracer

REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@dataclass(frozen=True)
class Seen:
    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_span_id: int | None
    attributes: dict[str, Any]
    failed: bool

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"


class Observed(Protocol):
    telemetry: Telemetry

    def spans(self) -> dict[str, Seen]: ...
    def counted(self, name: str, labels: dict[str, str]) -> float: ...
    def recorded(self, name: str, labels: dict[str, str]) -> tuple[int, float]:
        """How many values, and their sum."""
        ...


class ObservedTwin:
    def __init__(self) -> None:
        self.telemetry = MemoryTelemetry()

    def spans(self) -> dict[str, Seen]:
        return {
            span.name: Seen(
                span.name,
                span.kind,
                span.context.trace_id,
                span.context.span_id,
                span.parent and span.parent.span_id,
                {**span.attributes, **({"error.type": span.error} if span.error else {})},
                failed=span.error is not None,
            )
            for span in self.telemetry.spans
        }

    def counted(self, name: str, labels: dict[str, str]) -> float:
        return self.telemetry.counted(name, **labels)

    def recorded(self, name: str, labels: dict[str, str]) -> tuple[int, float]:
        values = self.telemetry.recorded(name, **labels)
        return len(values), sum(values)


class ObservedOtel:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        tracer = Tracer(SimpleSpanProcessor(self._exporter), DEFAULT_ON, Resource({}))
        self.telemetry = OtelTelemetry(Metrics(), tracer)

    def spans(self) -> dict[str, Seen]:
        return {
            span.name: Seen(
                span.name,
                span.kind.name.lower(),
                span.context.trace_id,
                span.context.span_id,
                span.parent and span.parent.span_id,
                dict(span.attributes or {}),
                failed=not span.status.is_ok,
            )
            for span in self._exporter.get_finished_spans()
        }

    def counted(self, name: str, labels: dict[str, str]) -> float:
        return self._sample(name.replace(".", "_") + "_total", labels)

    def recorded(self, name: str, labels: dict[str, str]) -> tuple[int, float]:
        family = name.replace(".", "_") + "_seconds"
        return int(self._sample(f"{family}_count", labels)), self._sample(f"{family}_sum", labels)

    def _sample(self, name: str, labels: dict[str, str]) -> float:
        page = self.telemetry.prometheus_text()[0].decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@pytest.fixture(params=[ObservedTwin, ObservedOtel])
def observed(request: pytest.FixtureRequest) -> Observed:
    make: Callable[[], Observed] = request.param
    return make()


def test_a_span_has_its_name_kind_and_attributes(observed: Observed) -> None:
    with observed.telemetry.span("chat smollm2", "client", attributes={"a": "x", "b": 2}) as span:
        span.set({"b": 3, "c": True})

    seen = observed.spans()["chat smollm2"]
    assert (seen.kind, seen.attributes, seen.failed) == ("client", {"a": "x", "b": 3, "c": True}, False)
    assert seen.parent_span_id is None


def test_a_span_inside_another_is_its_child(observed: Observed) -> None:
    with observed.telemetry.span("outer"):
        with observed.telemetry.span("first"):
            pass
        with observed.telemetry.span("second"):
            pass

    seen = observed.spans()
    assert seen["first"].parent_span_id == seen["second"].parent_span_id == seen["outer"].span_id
    assert seen["first"].trace_id == seen["second"].trace_id == seen["outer"].trace_id
    assert len({span.span_id for span in seen.values()}) == 3


async def test_a_task_started_in_a_span_is_its_child_and_tasks_beside_each_other_are_not(
    observed: Observed,
) -> None:
    async def work(name: str) -> None:
        with observed.telemetry.span(name):
            await asyncio.sleep(0.001)

    with observed.telemetry.span("outer"):
        await asyncio.gather(work("one"), work("other"))

    seen = observed.spans()
    assert seen["one"].parent_span_id == seen["other"].parent_span_id == seen["outer"].span_id


def test_a_traceparent_makes_the_span_a_child_of_another_process(observed: Observed) -> None:
    with (
        observed.telemetry.span("of this process"),
        observed.telemetry.span("process agents.x", "consumer", REMOTE) as span,
    ):
        assert span.traceparent is not None
        assert span.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-")
        with observed.telemetry.span("below"):
            pass

    seen = observed.spans()
    assert seen["process agents.x"].parent_span_id == 0xB7AD6B7169203331
    assert seen["below"].parent_span_id == seen["process agents.x"].span_id
    assert seen["below"].trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert seen["of this process"].trace_id != seen["below"].trace_id


def test_the_traceparent_of_a_span_names_it(observed: Observed) -> None:
    with observed.telemetry.span("outer") as span:
        given = span.traceparent

    assert given == observed.spans()["outer"].traceparent


@pytest.mark.parametrize(
    "broken", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", REMOTE.upper()]
)
def test_a_broken_traceparent_is_as_none(observed: Observed, broken: str) -> None:
    with observed.telemetry.span("outer"), observed.telemetry.span("inner", traceparent=broken):
        pass

    assert observed.spans()["inner"].parent_span_id == observed.spans()["outer"].span_id


def test_what_a_caller_does_not_sample_is_not_recorded_but_passed_on(observed: Observed) -> None:
    with (
        observed.telemetry.span("delivery", "consumer", UNSAMPLED),
        observed.telemetry.span("handler") as span,
    ):
        span.set({"a": 1})
        assert span.traceparent is not None
        assert span.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-")
        assert span.traceparent.endswith("-00")

    with observed.telemetry.span("next"):
        pass
    assert list(observed.spans()) == ["next"]


def test_an_error_marks_the_span_failed_by_its_code_and_goes_on(observed: Observed) -> None:
    with pytest.raises(ModelUnavailable), observed.telemetry.span("chat"):
        raise ModelUnavailable("no answer from the model")
    with pytest.raises(ZeroDivisionError), observed.telemetry.span("bug"):
        raise ZeroDivisionError

    seen = observed.spans()
    assert (seen["chat"].failed, seen["chat"].attributes) == (True, {"error.type": "model_unavailable"})
    assert (seen["bug"].failed, seen["bug"].attributes) == (True, {"error.type": "ZeroDivisionError"})


def test_counts_add_up_by_their_attributes_in_any_order(observed: Observed) -> None:
    count = observed.telemetry.count
    count("agents.executions", attributes={"task": "triage", "status": "completed"})
    count("agents.executions", 2, {"status": "completed", "task": "triage"})
    count("agents.executions", attributes={"task": "triage", "status": "failed"})
    count("agents.takeovers")

    assert observed.counted("agents.executions", {"status": "completed"}) == 3
    assert observed.counted("agents.executions", {"task": "triage"}) == 4
    assert observed.counted("agents.takeovers", {}) == 1
    assert observed.counted("agents.never", {}) == 0


def test_recorded_values_are_kept_by_their_attributes(observed: Observed) -> None:
    observed.telemetry.record("agents.execution.duration", 0.25, {"task": "triage"})
    observed.telemetry.record("agents.execution.duration", 1, {"task": "triage"})
    observed.telemetry.record("agents.execution.duration", 4, {"task": "compose"})

    assert observed.recorded("agents.execution.duration", {"task": "triage"}) == (2, 1.25)
    assert observed.recorded("agents.execution.duration", {}) == (3, 5.25)
