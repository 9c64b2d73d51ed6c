"""What a `models.yaml` can get wrong about the answers of similar questions, although each key has the right shape."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node


def check_similar(root: Node, plain: Any, report: Report) -> None:
    """`plain` is the file as values, of which nothing is known yet: what has the wrong shape is passed over here."""
    models = plain.get("models")
    known = list(models) if isinstance(models, dict) else []
    asked = set(_asked(plain))
    for name, place in _named(root, plain):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            report.error(
                place,
                f"there is no model {name!r} to compare questions with",
                f"do you mean {close[0]!r}?" if close else "name one of `models` that makes embeddings",
            )
        elif name in asked:
            report.warning(
                place,
                f"{name!r} compares questions, and answers them too: a chat model's vectors hardly tell texts apart",
                "name an embedding model, such as nomic-embed-text of Ollama or text-embedding-3-small",
            )


def _asked(plain: Any) -> Iterator[str]:
    for route in _values(plain.get("tasks")):
        model = route.get("model") if isinstance(route, dict) else route
        if isinstance(model, str):
            yield model


def _named(root: Node, plain: Any) -> Iterator[tuple[str, Node]]:
    """Every `cache.similar.model`, of models and of tasks, with its place."""
    for section in ("models", "tasks"):
        written = plain.get(section)
        for key, value in written.items() if isinstance(written, dict) else ():
            place = root.fields[section].fields[key]
            for part in ("cache", "similar", "model"):
                value = value.get(part) if isinstance(value, dict) else None  # noqa: PLW2901
                if value is None:
                    break
                place = place.fields[part]
            if isinstance(value, str):
                yield value, place


def _values(section: Any) -> list[Any]:
    return list(section.values()) if isinstance(section, dict) else []
