"""Templates in Semantic Kernel's own form: `{{$name}}` and `{{"text"}}`; calls of functions are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infrastructure.located_yaml.problem import Report, Spot
from infrastructure.prompts.messages import Tags, as_text

# As in semantic_kernel/template_engine/template_tokenizer.py: the innermost `{{` counts, quoted text may hold braces
_BLOCK = re.compile(
    r"""\{\{(?!\{)((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?!\{\{|\}\})[^'"])*)\}\}""", re.DOTALL
)
_VARIABLE = re.compile(r"\$([0-9A-Za-z_]+)")
_LITERAL = re.compile(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL)
_ESCAPED = re.compile(r"""\\(["'\\])""")


@dataclass(frozen=True, slots=True)
class Template:
    """`used` says where in the file each variable is used first."""

    render: Callable[[Mapping[str, Any]], str]
    used: Mapping[str, Spot]


class RenderingFailed(Exception):
    """A template does not suit its values; `line` is the line in the file."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def compile_template(source: str, place: Callable[[int], Spot], report: Report) -> Template:
    tags = Tags(report)
    used: dict[str, Spot] = {}
    parts: list[tuple[str, bool]] = []  # a text, or a variable's name and True
    inside = False

    def add_text(start: int, end: int) -> None:
        nonlocal inside
        text = source[start:end]
        if (brace := text.find("{{$")) >= 0:
            report.warning(
                place(start + brace), "`{{$` without `}}` is sent as it stands", "close it with }}"
            )
        marked, inside = tags.mark(text, inside=inside, place=lambda offset: place(start + offset))
        parts.append((marked, False))

    done = 0
    for block in _BLOCK.finditer(source):
        code = block[1].strip()
        if not code:  # Semantic Kernel sends `{{}}` as it stands
            continue
        add_text(done, block.start())
        done = block.end()
        if variable := _VARIABLE.fullmatch(code):
            used.setdefault(variable[1], place(block.start()))
            parts.append((variable[1], True))
        elif literal := _LITERAL.fullmatch(code):
            parts.append((as_text(_ESCAPED.sub(r"\1", literal[2])), False))
        else:
            _refuse(code, place(block.start()), report)
    add_text(done, len(source))
    tags.end(inside=inside)

    def render(values: Mapping[str, Any]) -> str:
        return "".join([as_text(values[part]) if is_variable else part for part, is_variable in parts])

    return Template(render, used)


def _refuse(code: str, spot: Spot, report: Report) -> None:
    if code[0] in "#/^>!&":
        report.error(spot, f"{{{{{code}}}}} is Handlebars", "write it as Jinja2 (template_format: jinja2)")
    elif code[0] in "$\"'":
        report.error(
            spot,
            f"{{{{{code}}}}} is neither a variable nor a text",
            "write {{$name}}, a name of letters, digits and _",
        )
    else:
        report.error(
            spot,
            f"{{{{{code}}}}} calls a function",
            "write {{$name}} for a variable; what a function gives, compute in the agent and pass as a variable",
        )
