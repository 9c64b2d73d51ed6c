"""Code, list and documentation name the same metrics."""

from __future__ import annotations

import re
from pathlib import Path

from infrastructure.telemetry.instruments import INSTRUMENTS
from infrastructure.telemetry.metrics import Metrics
from infrastructure.telemetry.prometheus import PrometheusPage

ROOT = Path(__file__).parents[3]
RECORDED = re.compile(r"\.(?:count|record)\(\s*\"([a-z_.]+\.[a-z_.]+)\"|histogram=\"([a-z_.]+)\"")


def test_every_metric_that_the_code_records_is_listed() -> None:
    sources = [path for room in ("agents", "infrastructure") for path in (ROOT / room).rglob("*.py")]
    named = {a or b for path in sources for a, b in RECORDED.findall(path.read_text())}

    assert named - set(INSTRUMENTS) == set(), (
        "add them to infrastructure/telemetry/instruments.py and docs/observability.md"
    )


def test_every_listed_metric_is_documented_under_both_of_its_names() -> None:
    metrics = Metrics()
    for name, instrument in INSTRUMENTS.items():
        if instrument.bounds:
            metrics.record(name, 1)
        else:
            metrics.count(name)
    page = PrometheusPage(metrics).render()[0].decode()
    families = re.findall(r"^# TYPE ((?:agents|gen_ai)\S+)", page, re.MULTILINE)

    documented = set(
        re.findall(
            r"^\| `([a-z_.]+)` \| `([a-z_.]+)`", (ROOT / "docs/observability.md").read_text(), re.MULTILINE
        )
    )
    assert documented == set(zip(INSTRUMENTS, families, strict=True))
