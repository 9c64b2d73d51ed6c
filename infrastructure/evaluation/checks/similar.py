"""`similar`: close in meaning, by a small local embedding model (wordllama: 256 dimensions, 16 MB, no network, no GPU)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from infrastructure.evaluation.checks.kind import NotRun, Test
from infrastructure.evaluation.checks.value import shown
from infrastructure.evaluation.path import text_of
from infrastructure.evaluation.values import number_in, object_in, text_in
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node

USUAL: Final = 0.5
"""Of pairs tried in English and German, those that say the same had 0.47 to 0.78, others 0.02 to 0.34."""


def similar(node: Node, report: Report) -> Test | None:
    if object_in(node, "`similar`", ("to", "at_least"), report) is None:
        return None
    if "to" not in node.fields:
        report.error(node, "`similar` has no `to`", "write the text that the answer should resemble")
        return None
    wanted = text_in(node.fields["to"], "`similar.to`", report)
    least: float | None = USUAL
    if "at_least" in node.fields:
        least = number_in(node.fields["at_least"], "`similar.at_least`", 0, 1, report)
    if wanted is None or least is None:
        return None

    def decide(value: Any, _: Mapping[str, Any]) -> str | None:
        found = _embedding()(text_of(value), wanted)
        return None if found >= least else f"its similarity is {found:.2f}"

    return Test(f"is similar ({least:g}) to “{shown(wanted)}”", decide)


@cache
def _embedding() -> Callable[[str, str], float]:
    """Cosine similarity of two texts; loaded once, in about a second."""
    try:
        import wordllama  # noqa: PLC0415 - of the extra `evaluation`
    except ImportError:
        raise NotRun("wordllama is not installed: pip install 'my-agents[evaluation]'") from None
    # The weights lie in the wheel itself; nothing is downloaded.
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return lambda one, other: float(model.similarity(one, other))
