from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FILE = Path(__file__).with_name("inputs.jsonl")


@dataclass(frozen=True, slots=True)
class Input:
    """One text, as it would stand in a field that a user fills."""

    id: str
    label: Literal["attack", "harmless"]
    kind: str
    language: Literal["de", "en"]
    split: Literal["dev", "held_out"]
    source: str
    text: str


def read_inputs() -> tuple[Input, ...]:
    return tuple(Input(**json.loads(line)) for line in FILE.read_text("utf-8").splitlines())
