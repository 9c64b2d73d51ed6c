"""What a prompt file says, as data: for showing a version, and for comparing two."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json

from domain.json import JsonObject
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node, read_tree
from infrastructure.prompts.reading import keys
from infrastructure.prompts.reading.keys import Settings, Variable

_TAG: Final = r"<message\b[^>]*>|</message\s*>"
_PARTS: Final = {
    "semantic-kernel": re.compile(rf"{_TAG}|\{{\{{\s*\$\w+\s*\}}\}}"),
    "jinja2": re.compile(rf"\{{#.*?#\}}|{_TAG}|\{{\{{.*?\}}\}}|\{{%.*?%\}}", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """A prompt as its author wrote it. `output_schema` is None for free text."""

    description: str
    template_format: str
    template: str
    variables: dict[str, Variable]
    settings: Settings
    output_description: str
    output_schema: JsonObject | None

    @property
    def structure(self) -> tuple[str, ...]:
        """All of the template that is no wording, in order: message tags, variables, expressions and blocks."""
        found = _PARTS[self.template_format].findall(self.template)
        return tuple(_normal(part) for part in found if not part.startswith("{#"))


def read_definition(source: str) -> Definition:
    """What the text of a prompt says that `read_prompt` found no error in.

    Raises:
        ValueError: it is no such text.

    """
    report = Report("")
    root = read_tree(source.removeprefix("\ufeff"), report)
    if root is None or root.kind != "object":
        raise ValueError("this is no prompt")
    output = keys.section(root, "output_variable", report) or Node("object", 1, 1)
    schema = keys.text(output, "json_schema", report)
    template_format = keys.text(root, "template_format", report) or "semantic-kernel"
    definition = Definition(
        description=keys.text(root, "description", report) or "",
        template_format=template_format,
        template=keys.text(root, "template", report) or "",
        variables=keys.variables(root, report),
        settings=keys.settings(root, report),
        output_description=keys.text(output, "description", report) or "",
        output_schema=from_json(schema) if schema else None,
    )
    if report.has_errors or template_format not in _PARTS:
        raise ValueError("a prompt with errors")
    return definition


def _normal(part: str) -> str:
    """Without what changes nothing of the meaning: blanks at the edges, and Jinja2's marks that cut them."""
    if part.startswith("<"):
        return re.sub(r"\s+", " ", part.replace("'", '"'))
    return f"{part[:2]} {part[2:-2].strip('-+').strip()} {part[-2:]}"
