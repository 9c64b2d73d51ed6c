"""One prompt file: from bytes to a compiled prompt, or to everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.chat import Message
from domain.errors import InvalidInput, PromptInvalid
from domain.json import JsonObject
from domain.prompt import Prompt
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.located_yaml.tree import Node, decode, read_tree
from infrastructure.prompts import jinja_template, kernel_template, keys
from infrastructure.prompts.kernel_template import RenderingFailed, Template
from infrastructure.prompts.keys import Variable
from infrastructure.prompts.messages import split
from infrastructure.prompts.schema import read_schema

MAX_FILE = 128 * 1024


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What one file gave: `prompt` is None when there is an error among the problems."""

    prompt: Prompt | None
    problems: tuple[Problem, ...]


def read_prompt(raw: bytes, *, file: str, name: str, version: str) -> PromptFile:
    """Check and compile a prompt. `name` is its folder's, `version` its file's; `file` is how problems call it."""
    report = Report(file)
    prompt = _read(raw, name, version, report)
    problems = tuple(sorted(report.problems, key=lambda problem: (problem.line, problem.column)))
    return PromptFile(None if report.has_errors else prompt, problems)


def _read(raw: bytes, name: str, version: str, report: Report) -> Prompt | None:
    if len(raw) > MAX_FILE:
        report.error(
            Spot(1), f"{len(raw):,} bytes, {MAX_FILE:,} are allowed", "pass long texts in as variables"
        )
        return None
    text = decode(raw, report)
    root = read_tree(text, report) if text is not None else None
    if text is None or report.has_errors:
        return None
    if root is None or root.kind != "object":
        report.error(
            Spot(1), "this is no prompt", "write the keys name, description, template, …: see docs/prompts.md"
        )
        return None
    lines = text.split("\n")
    keys.check_known(root, keys.TOP, "", report)
    _check_name(root, name, report)
    description = keys.text(root, "description", report) or ""
    if not description:
        report.warning(root, "no `description`", "say in one sentence what the prompt is for")
    variables = keys.variables(root, report)
    settings = keys.settings(root, report)
    schema = _output_schema(root, lines, report)
    template = _template(root, lines, report)
    if template is None:
        return None
    _check_variables(variables, template, report)
    for used, spot in template.used.items():
        variables.setdefault(used, Variable(used, spot))
    return Prompt(
        name=name,
        version=version,
        content_hash=hashlib.sha256(raw).hexdigest(),
        description=description,
        variables=tuple(variables),
        render=_renderer(f"prompt {name} {version}", report.file, tuple(variables.values()), template.render),
        output_schema=schema,
        max_tokens=settings.max_tokens,
        timeout=settings.timeout,
        temperature=settings.temperature,
        top_p=settings.top_p,
        seed=settings.seed,
    )


def _check_name(root: Node, folder: str, report: Report) -> None:
    name = keys.text(root, "name", report)
    if not name:
        report.warning(root.keys.get("name", root), "no `name`", f"write name: {folder}")
    elif name != folder:
        report.error(
            root.fields["name"], f"the name is {name}, the folder's is {folder}", "give both the same name"
        )


_REFUSED: Final = {
    "handlebars": "write it as Jinja2: {{#each x}} is {% for y in x %}, {{#if x}} is {% if x %}",
    "liquid": "write it as Jinja2 (template_format: jinja2): the two are close relatives",
}


def _template(root: Node, lines: list[str], report: Report) -> Template | None:
    form = keys.text(root, "template_format", report) or "semantic-kernel"
    source = keys.text(root, "template", report)
    if form not in ("semantic-kernel", "jinja2"):
        cure = _REFUSED.get(form, "write semantic-kernel or jinja2")
        report.error(root.fields["template_format"], f"templates of the format {form} are not rendered", cure)
        return None
    if not source or not source.strip():
        report.error(
            root.keys.get("template", root), "no `template`", "write the text as a block: template: |"
        )
        return None
    if "\0" in source:
        report.error(root.fields["template"], "a NUL character in the template", "remove the \\0")
        return None
    place = _places(root.fields["template"], lines)
    if form == "jinja2":
        return jinja_template.compile_template(source, report.file, place, report)
    return kernel_template.compile_template(source, place, report)


def _output_schema(root: Node, lines: list[str], report: Report) -> JsonObject | None:
    output = keys.section(root, "output_variable", report)
    if output is None:
        return None
    keys.check_known(output, keys.OUTPUT, "output_variable.", report)
    keys.text(output, "description", report)
    if not keys.text(output, "json_schema", report):
        return None
    node = output.fields["json_schema"]
    return read_schema(node, _places(node, lines), report)


def _check_variables(variables: Mapping[str, Variable], template: Template, report: Report) -> None:
    for name in sorted(template.used.keys() - variables.keys()):
        declared = ", ".join(variables) or "none"
        report.warning(
            template.used[name],
            f"the variable {name} is not declared",
            f"add it to input_variables or correct its name (declared: {declared})",
        )
    for name, variable in variables.items():
        if name not in template.used:
            report.warning(
                variable.spot, f"the variable {name} is not used", "use it in the template or remove it here"
            )


def _places(node: Node, lines: list[str]) -> Callable[[int], Spot]:
    """From an offset in a text to its place in the file: exact in `|` blocks, else where the text begins."""
    if not node.literal:
        return lambda _: Spot(node.line, node.column)

    def place(offset: int) -> Spot:
        line = node.text.count("\n", 0, offset)
        start = node.text.rfind("\n", 0, offset) + 1
        end = node.text.find("\n", start)
        length = (len(node.text) if end < 0 else end) - start
        in_file = node.line + line  # counted from 0: the block begins below its `|`
        indent = len(lines[in_file]) - length if in_file < len(lines) else 0
        return Spot(in_file + 1, max(indent, 0) + offset - start + 1)

    return place


def _renderer(
    title: str, file: str, variables: tuple[Variable, ...], template: Callable[[Mapping[str, Any]], str]
) -> Callable[[Mapping[str, Any]], tuple[Message, ...]]:
    defaults = [(variable.name, variable.default, variable.is_required) for variable in variables]

    def render(values: Mapping[str, Any]) -> tuple[Message, ...]:
        filled: dict[str, Any] = {}
        missing: list[str] = []
        for name, default, is_required in defaults:
            value = values.get(name)
            if value is None:
                value = default
                if value is None and is_required:
                    missing.append(name)
            filled[name] = "" if value is None else value
        if missing:
            raise InvalidInput(
                f"{title} needs {', '.join(missing)}: give a value for each",
                errors=[{"field": name, "message": "required by the prompt"} for name in missing],
            )
        try:
            text = template(filled)
        except RenderingFailed as error:
            raise PromptInvalid(
                f"{title} cannot be rendered: {error} ({file}, line {error.line}): mend the template, or the values passed to it",
                file=file,
                line=error.line,
            ) from error
        messages = split(text)
        if not messages:
            raise InvalidInput(f"{title} has nothing to ask: all its values are empty", errors=[])
        return messages

    return render
