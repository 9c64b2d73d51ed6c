"""Jinja2 templates: sandboxed, without loaders, calls and escapes; a name without a value is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from traceback import walk_tb
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic_core import to_json

from infrastructure.located_yaml.problem import Report, Spot
from infrastructure.prompts.kernel_template import RenderingFailed, Template
from infrastructure.prompts.messages import Tags, as_text

_NOT_HERE = {
    "attr": "write the field's name",
    "e": "values are data already: leave it out",
    "escape": "values are data already: leave it out",
    "filesizeformat": "compute it in the agent",
    "forceescape": "values are data already: leave it out",
    "pprint": "write tojson(indent=2)",
    "random": "a prompt is the same for the same input: choose in the agent",
    "safe": "values are data already: leave it out",
    "urlize": "leave it out: it makes HTML",
    "xmlattr": "leave it out: it makes HTML",
}
_LOADS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_OF_LOOP = {"cycle", "changed"}


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: object, attribute: str) -> Any:
        # `sprint.items` is the field, never dict's method
        return self.getitem(obj, attribute) if isinstance(obj, dict) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


def _as_output(value: Any) -> Any:
    return value if isinstance(value, Undefined) else as_text(value)


def _to_json(value: Any, indent: int | None = None) -> str:
    return to_json(value, indent=indent).decode()


_ENVIRONMENT = _Environment(undefined=StrictUndefined, finalize=_as_output)
_ENVIRONMENT.filters = {name: call for name, call in _ENVIRONMENT.filters.items() if name not in _NOT_HERE}
_ENVIRONMENT.filters["tojson"] = _to_json
_ENVIRONMENT.globals = {"range": _ENVIRONMENT.globals["range"]}


def compile_template(source: str, file: str, place: Callable[[int], Spot], report: Report) -> Template | None:
    """None when it cannot be compiled; why is in the report."""
    lines = [0, *(match.end() for match in re.finditer(r"\n", source))]

    def at(line: int) -> Spot:
        return place(lines[min(line, len(lines)) - 1])

    own = Report(report.file)
    try:
        tree = _ENVIRONMENT.parse(source, filename=file)
        _refuse(tree, at, own)
        used = _used(tree, at)
        _Messages(Tags(own), at, own).walk_all(tree)
        code = None if own.has_errors else _ENVIRONMENT.compile(tree, file, file)
    except TemplateSyntaxError as error:
        own.error(
            at(error.lineno), f"no Jinja2: {error.message}", "see “Template Designer” in the Jinja2 manual"
        )
        return None
    except (RecursionError, SyntaxError):
        own.error(at(1), "blocks or brackets nested too deeply", "write a flatter template")
        return None
    finally:
        report.problems += own.problems
    if code is None:
        return Template(_never, used)
    # A plain dictionary: what make_globals gives is copied key by key at every rendering.
    template = _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, code, dict(_ENVIRONMENT.globals))

    def render(values: Mapping[str, Any]) -> str:
        try:
            return template.render(values)
        except Exception as error:  # an expression of the template can raise anything
            raise RenderingFailed(str(error), at(_line(error, file)).line) from error

    return Template(render, used)


def _line(error: Exception, file: str) -> int:
    """The template's line that raised: Jinja2 rewrites the traceback, so that its frames count the template's lines."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else 1


def _never(_: Mapping[str, Any]) -> str:
    raise AssertionError("a template with errors is never rendered: its report refuses the prompt")


def _used(tree: nodes.Template, at: Callable[[int], Spot]) -> dict[str, Spot]:
    names = meta.find_undeclared_variables(tree) - _ENVIRONMENT.globals.keys()
    used: dict[str, Spot] = {}
    for node in sorted(tree.find_all(nodes.Name), key=lambda node: node.lineno):
        if node.name in names:
            used.setdefault(node.name, at(node.lineno))
    return used


def _refuse(tree: nodes.Template, at: Callable[[int], Spot], report: Report) -> None:
    macros = {macro.name for macro in tree.find_all(nodes.Macro)} | {"caller", *_ENVIRONMENT.globals}
    for load in tree.find_all(_LOADS):
        report.error(
            at(load.lineno),
            f"{{% {type(load).__name__.lower()} %}}",
            "write the text here: a prompt is one file",
        )
    for call in tree.find_all(nodes.Call):
        target = call.node
        known = (isinstance(target, nodes.Name) and target.name in macros) or (
            isinstance(target, nodes.Getattr)
            and isinstance(target.node, nodes.Name)
            and target.node.name == "loop"
            and target.attr in _OF_LOOP
        )
        if not known:
            report.error(
                at(call.lineno),
                f"a call: {_name(target)}(…)",
                "use a filter (`d|items` instead of `d.items()`), or compute it in the agent and pass it as a variable",
            )
    for filter_ in tree.find_all(nodes.Filter):
        if filter_.name not in _ENVIRONMENT.filters:
            cure = _NOT_HERE.get(filter_.name, "see Jinja2's list of builtin filters")
            report.error(at(filter_.lineno), f"there is no filter `{filter_.name}`", cure)
            filter_.name = "string"  # a known one, or the search for variables ends here
    for test in tree.find_all(nodes.Test):
        if test.name not in _ENVIRONMENT.tests:
            report.error(
                at(test.lineno), f"there is no test `{test.name}`", "see Jinja2's list of builtin tests"
            )
            test.name = "defined"
    for block in tree.find_all(nodes.FilterBlock):
        # its result is written past `finalize`, so a value could reach the text as more than data
        report.error(
            at(block.lineno),
            "{% filter %}",
            "catch the text with {% set x %}…{% endset %} and write {{ x|… }}",
        )
    for modifier in tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)):
        report.error(at(modifier.lineno), "{% autoescape %}", "values are data already: leave it out")


def _name(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_name(node.node)}.{node.attr}"
    return "…"


class _Messages:
    """Replaces message tags in the template's text, and sees that each branch leaves messages as it found them."""

    def __init__(self, tags: Tags, at: Callable[[int], Spot], report: Report) -> None:
        self._tags = tags
        self._at = at
        self._report = report

    def walk_all(self, tree: nodes.Template) -> None:
        self._tags.end(inside=self._walk(tree.body, inside=False))

    def _walk(self, body: Iterable[nodes.Node], *, inside: bool) -> bool:
        for node in body:
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    if isinstance(part, nodes.TemplateData):
                        inside = self._text(part, inside=inside)
            elif isinstance(node, (nodes.Macro, nodes.CallBlock, nodes.AssignBlock)):
                self._no_tags(node)
            else:
                self._branches(node, inside=inside)
        return inside

    def _text(self, part: nodes.TemplateData, *, inside: bool) -> bool:
        text, first = part.data, part.lineno

        def place(offset: int) -> Spot:
            spot = self._at(first + text.count("\n", 0, offset))
            column = offset - text.rfind("\n", 0, offset) - 1
            return Spot(spot.line, spot.column + column) if "\n" in text[:offset] else spot

        part.data, inside = self._tags.mark(text, inside=inside, place=place)
        return inside

    def _branches(self, node: nodes.Node, *, inside: bool) -> None:
        for field in ("body", "else_", "elif_"):
            branch = getattr(node, field, [])
            if field == "elif_":
                for other in branch:
                    self._branches(other, inside=inside)
            elif self._walk(branch, inside=inside) != inside:
                self._report.error(
                    self._at(node.lineno),
                    "a message that opens or closes in only one branch",
                    "open and close it in the same branch, or outside of it",
                )

    def _no_tags(self, node: nodes.Node) -> None:
        for part in node.find_all(nodes.TemplateData):
            if "<message" in part.data or "</message" in part.data:
                self._report.error(
                    self._at(part.lineno),
                    "a message tag within a macro, call or set block",
                    "put the message around it: what such a block gives is a value, and values are data",
                )
            else:
                self._text(part, inside=False)
