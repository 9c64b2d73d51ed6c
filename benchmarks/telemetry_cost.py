"""CPU time of what telemetry adds to an event, off and on, beside the same by the OpenTelemetry SDK alone.

    python -m benchmarks.telemetry_cost

CPU of the whole process, exporter threads included; the receiver of the spans is another process. Best of five.
"""

from __future__ import annotations

import asyncio
import io
import logging
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.synchronize import Event

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from rich.console import Console
from rich.table import Table

from domain.log_context import bind
from infrastructure.memory.state import MemoryStateStore
from infrastructure.telemetry.logs import configure_logging
from infrastructure.telemetry.metrics import Metrics
from infrastructure.telemetry.otel import OtelTelemetry, telemetry_from_environment
from infrastructure.telemetry.otlp import SpanExporter
from infrastructure.telemetry.state import TracedStore
from infrastructure.telemetry.tracing import Tracer

LABELS = {"agent": "implementation", "task": "generate-code", "status": "completed"}
ATTRIBUTES: dict[str, str | float | bool] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": "smollm2",
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 340,
}
SPANS_PER_EVENT = 7
EVENTS = 2000
QUEUE = 16_384  # so that nothing is dropped


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def receive(port: multiprocessing.Queue[int], stop: Event) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    port.put(server.server_port)
    server.timeout = 0.2
    while not stop.is_set():
        server.handle_request()


def cost(work: Callable[[], None], times: int) -> float:
    """µs of CPU for one of `times` that `work` does in one call."""
    best = float("inf")
    for _ in range(5):
        begin = time.process_time()
        work()
        best = min(best, (time.process_time() - begin) / times)
    return best * 1e6


def repeated(work: Callable[[], object], times: int = 50_000) -> float:
    def loop() -> None:
        for _ in range(times):
            work()

    return cost(loop, times)


def span_cost(telemetry: OtelTelemetry, traceparent: str | None = None) -> float:
    def one() -> None:
        with telemetry.span("chat smollm2", "client", traceparent, ATTRIBUTES):
            pass

    return repeated(one)


def exported_span_cost() -> float:
    """A root and its children, until the collector has them all."""
    processor = BatchSpanProcessor(SpanExporter(), max_queue_size=QUEUE)
    telemetry = OtelTelemetry(Metrics(), Tracer(processor, DEFAULT_ON, Resource.create()))

    def work() -> None:
        for _ in range(EVENTS):
            with telemetry.span("process agents.testplanning.spec.generated", "consumer"):
                for _ in range(SPANS_PER_EVENT - 1):
                    with telemetry.span("chat smollm2", "client", None, ATTRIBUTES):
                        pass
        processor.force_flush()

    try:
        return cost(work, EVENTS * SPANS_PER_EVENT)
    finally:
        telemetry.close()


def sdk_span_cost() -> float:
    provider = TracerProvider(resource=Resource.create(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=QUEUE))
    tracer = provider.get_tracer("sdk")

    def work() -> None:
        for _ in range(EVENTS):
            with tracer.start_as_current_span("process agents.testplanning.spec.generated"):
                for _ in range(SPANS_PER_EVENT - 1):
                    with tracer.start_as_current_span("chat smollm2", attributes=ATTRIBUTES):
                        pass
        provider.force_flush()

    try:
        return cost(work, EVENTS * SPANS_PER_EVENT)
    finally:
        provider.shutdown()


async def wrapped_cost(telemetry: OtelTelemetry) -> float:
    async def calls(store: MemoryStateStore | TracedStore, times: int = 20_000) -> float:
        best = float("inf")
        for _ in range(5):
            begin = time.process_time()
            for _ in range(times):
                await store.get("claim:1")
            best = min(best, (time.process_time() - begin) / times)
        return best * 1e6

    bare = MemoryStateStore()
    return await calls(TracedStore(bare, telemetry)) - await calls(bare)


def log_cost(*, human: bool) -> float:
    configure_logging("implementation", "info", human=human, stream=io.StringIO())
    log = logging.getLogger("benchmark")
    with bind(execution_id="0f1d2c3b-1111-5222-8333-444455556666", correlation_id="c1"):
        return repeated(lambda: log.info("completed %s", "generate-code", extra={"attempt": 1}), 10_000)


def main() -> None:
    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[variable]
    table = Table("what", "µs", "OpenTelemetry SDK alone, µs", title=f"Python {platform.python_version()}")
    off = telemetry_from_environment("implementation")
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("sdk")
    counter, histogram = meter.create_counter("a"), meter.create_histogram("b", unit="s")

    table.add_row("span, off", f"{span_cost(off):.2f}", "")
    table.add_row(
        "counter",
        f"{repeated(lambda: off.count('agents.executions', 1, LABELS)):.2f}",
        f"{repeated(lambda: counter.add(1, LABELS)):.2f}",
    )
    table.add_row(
        "histogram",
        f"{repeated(lambda: off.record('agents.execution.duration', 0.02, LABELS)):.2f}",
        f"{repeated(lambda: histogram.record(0.02, LABELS)):.2f}",
    )

    table.add_row("a store call wrapped, tracing off", f"{asyncio.run(wrapped_cost(off)):.2f}", "")

    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    stop = multiprocessing.Event()
    receiver = multiprocessing.Process(target=receive, args=(port, stop))
    receiver.start()
    try:
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"http://127.0.0.1:{port.get()}/v1/traces"
        on = telemetry_from_environment("implementation")
        unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
        table.add_row("span, not sampled (first of its trace)", f"{span_cost(on, unsampled):.2f}", "")
        on.close()
        ours, theirs = exported_span_cost(), sdk_span_cost()
        table.add_row("span of 5 attributes, exported by OTLP", f"{ours:.2f}", f"{theirs:.2f}")
        table.add_row(
            f"an event of {SPANS_PER_EVENT} spans",
            f"{ours * SPANS_PER_EVENT:.0f}",
            f"{theirs * SPANS_PER_EVENT:.0f}",
        )
    finally:
        stop.set()
        receiver.join()

    table.add_row("log line, JSON", f"{log_cost(human=False):.2f}", "")
    table.add_row("log line, for people", f"{log_cost(human=True):.2f}", "")
    logging.getLogger().handlers.clear()
    Console().print(table)


if __name__ == "__main__":
    main()
