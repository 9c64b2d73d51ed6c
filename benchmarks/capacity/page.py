"""The text of docs/capacity.md: `page.md.j2` with the figures of capacity.json, and what follows from them, in it."""

from __future__ import annotations

from pathlib import Path

from agents.runtime.intake import LARGEST
from agents.runtime.timing import Timing
from benchmarks.capacity import published, results, sizes, sizing, tables
from benchmarks.capacity.findings import WANTED_OF_THREE, compared, scaling
from benchmarks.capacity.parts import chain, payload, replicas
from benchmarks.capacity.results import Latency, Results
from benchmarks.report.markdown import records, render
from benchmarks.suite.measure import OUTSTANDING
from benchmarks.suite.results import ROOT
from benchmarks.suite.rounds import DRIFT

DOCUMENT = ROOT / "docs" / "capacity.md"


def write() -> None:
    DOCUMENT.write_text(page(results.read()))


def stale() -> str | None:
    """What is wrong with the document, None when it is what the figures and the code give."""
    figures, document = results.CAPACITY.relative_to(ROOT), DOCUMENT.relative_to(ROOT)
    if not results.CAPACITY.exists():
        return f"there is no {figures} yet: run `make bench-capacity`"
    if not DOCUMENT.exists() or DOCUMENT.read_text() != page(results.read()):
        return (
            f"{document} is not what {figures} and the code give: run `python -m benchmarks.capacity --page`"
        )
    return None


def page(found: Results) -> str:
    return render(
        Path(__file__).with_name("page.md.j2"),
        found=found,
        tables=tables,
        records=records,
        timing=Timing(),
        largest=LARGEST,
        outstanding=OUTSTANDING,
        quiet={"chain": chain.QUIET_RATE, "payload": payload.QUIET_RATE},
        offered_each=replicas.OFFERED_EACH,
        wanted=WANTED_OF_THREE,
        scaling=scaling(found),
        width=compared(found.width) if found.width else {},
        allowed=DRIFT,
        sizing=sizing,
        clusters=clusters(found),
        sizes=sizes,
        installations=installations(found),
        published=published,
    )


def clusters(found: Results) -> list[sizing.Cluster]:
    """None without the figures they follow from."""
    if not found.latency or not found.chain or found.counted is None:
        return []
    own_s = found.chain[0].p50_ms / 1000
    return [
        sizing.cluster(model_s, _nearest(found, model_s), own_s, found.counted) for model_s in sizing.MODELS_S
    ]


def installations(found: Results) -> list[sizes.Installation]:
    """None without the figures they follow from."""
    if not found.latency or not found.chain or found.counted is None:
        return []
    own_s, nearest = found.chain[0].p50_ms / 1000, _nearest(found, sizes.MODEL_S)
    return [
        sizes.installation(name, rate, nearest, own_s, found.counted) for name, rate in sizes.SIZES.items()
    ]


def _nearest(found: Results, model_s: float) -> Latency:
    return min(found.latency, key=lambda one: abs(one.model_ms / 1000 - model_s))
