"""What the standard OTEL_* environment asks for. Nothing named means off; what each exporter needs, the SDK reads itself."""

from __future__ import annotations

import os
from typing import Literal

EXPORTERS = ("otlp", "console", "none")


def exporters(signal: Literal["TRACES", "METRICS"]) -> tuple[str, ...]:
    """The exporters of a signal: those named in OTEL_<signal>_EXPORTER, else otlp when an endpoint is named.

    Raises:
        ValueError: an unknown exporter, or a protocol that is not built in.

    """
    if _read("OTEL_SDK_DISABLED").lower() == "true":
        return ()
    variable = f"OTEL_{signal}_EXPORTER"
    # Prometheus is served at /metrics in any case.
    allowed = (*EXPORTERS, "prometheus") if signal == "METRICS" else EXPORTERS
    named = [name.strip() for name in _read(variable).split(",") if name.strip()]
    for name in named:
        if name not in allowed:
            raise ValueError(f"{variable}={name!r} is unknown: use one of {', '.join(allowed)}")
    if not named and (_read("OTEL_EXPORTER_OTLP_ENDPOINT") or _read(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")):
        named = ["otlp"]
    if "otlp" in named:
        _check_protocol(signal)
    return tuple(name for name in named if name in ("otlp", "console"))


def metric_interval() -> float:
    """Seconds between two pushes, from OTEL_METRIC_EXPORT_INTERVAL (milliseconds)."""
    variable = "OTEL_METRIC_EXPORT_INTERVAL"
    text = _read(variable) or "60000"
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError(f"{variable}={text!r} must be a whole number of milliseconds above 0")
    return int(text) / 1000


def _check_protocol(signal: str) -> None:
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := _read(variable):
            if protocol != "http/protobuf":
                raise ValueError(
                    f"{variable}={protocol!r} is not built in: use http/protobuf, at the collector's HTTP port (4318)"
                )
            return


def _read(variable: str) -> str:
    return os.environ.get(variable, "").strip()
