"""Pages and tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_Record = TypeVar("_Record")


def render(template: Path, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown
    )
    return environment.get_template(template.name).render(**values)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column names, the others hold figures."""
    alignment = ["---", *(["---:"] * (len(head) - 1))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, alignment, *rows))


def records(found: Iterable[_Record], columns: Mapping[str, Callable[[_Record], str]]) -> str:
    """A row for each."""
    return table(list(columns), ([cell(one) for cell in columns.values()] for one in found))
