"""A folder of prompts for the agents here: the shipped prompt `generate-code`, as often and under the names they want."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SHIPPED = Path(__file__).parents[3] / "prompts" / "implementation" / "generate-code" / "1.0.0.yaml"


def write_prompts(folder: Path, agent: str, names: Iterable[str]) -> None:
    text = SHIPPED.read_text()
    for name in names:
        file = folder / agent / name / SHIPPED.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("name: generate-code\n", f"name: {name}\n", 1))
