"""An OpenTelemetry collector's HTTP receiver, as far as tests need one: it keeps what it gets."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span


@dataclass
class OtlpReceiver:
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    traces: list[ResourceSpans] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)

    def spans(self) -> dict[str, Span]:
        """By name."""
        return {
            span.name: span
            for resource in self.traces
            for scope in resource.scope_spans
            for span in scope.spans
        }

    async def take_traces(self, request: web.Request) -> web.Response:
        self.traces += ExportTraceServiceRequest.FromString(await self._body(request)).resource_spans
        return web.Response(content_type="application/x-protobuf")

    async def take_metrics(self, request: web.Request) -> web.Response:
        for resource in ExportMetricsServiceRequest.FromString(await self._body(request)).resource_metrics:
            self.metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]
        return web.Response(content_type="application/x-protobuf")

    async def _body(self, request: web.Request) -> bytes:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        body = await request.read()
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


@asynccontextmanager
async def otlp_receiver() -> AsyncIterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    app = web.Application()
    app.add_routes(
        [web.post("/v1/traces", receiver.take_traces), web.post("/v1/metrics", receiver.take_metrics)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
