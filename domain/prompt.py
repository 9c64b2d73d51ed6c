"""A prompt: a versioned template, the variables it takes, the answer it asks for, and its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.chat import Message
from domain.json import JsonObject


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt, checked and compiled.

    `name` is the folder's name, `version` a semantic version, `content_hash` the SHA-256 of the file in hex.
    `render` takes values for `variables` and gives the messages; it raises `InvalidInput` when a required one is missing.
    `output_schema` is the bounded JSON Schema of the answer, None for free text.
    """

    name: str
    version: str
    content_hash: str
    description: str
    variables: tuple[str, ...]
    render: Callable[[Mapping[str, Any]], tuple[Message, ...]]
    output_schema: JsonObject | None
    max_tokens: int
    timeout: float
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
