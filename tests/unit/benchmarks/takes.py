"""A take with figures written out: tests change what they are about."""

from __future__ import annotations

from benchmarks.suite.results import Take

TAKE = Take(
    contender="ours",
    cold_start_s=1.0,
    rss_idle_mb=80,
    rss_mb=90,
    sidecar_rss_mb=90,
    control_plane_rss_mb=0,
    latencies_ms=[4.0, 5.0, 6.0],
    events=1000,
    missing=0,
    missing_at_rate=0,
    events_per_second=500,
    app_cpu_ms=2.0,
    sidecar_cpu_ms=1.0,
    control_plane_cpu_ms=0,
    redis_cpu_ms=0.1,
    outside_cpu_ms=0.1,
    model_calls_per_event=1,
    doubled=0,
    repeated=0,
    slow_events_per_second=300,
    ideal_fraction=0.9,
    in_flight_most=64,
)
