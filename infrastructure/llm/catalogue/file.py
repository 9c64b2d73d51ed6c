"""`models.yaml`: from a file to a `Catalogue`, or to everything that is wrong with it, each by line, column and cure."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from domain.errors import ModelsInvalid
from infrastructure.llm.catalogue.schema import Catalogue
from infrastructure.llm.catalogue.sense import check_sense
from infrastructure.llm.catalogue.variables import UnsetVariable, resolve
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.located_yaml.tree import Node, decode, read_tree

Path_: TypeAlias = tuple[str | int, ...]
_OURS = {"file", "lines"}
"""Fields of a catalogue that its file does not hold."""
_LARGEST = 512 * 1024
_KINDS = {
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "mapping_type": "an object",
}


def load_catalogue(path: Path, environment: Mapping[str, str] = os.environ) -> Catalogue:
    """Read the file, or nothing of it.

    Raises:
        ModelsInvalid: naming every error.

    """
    catalogue, problems = read_catalogue(path, environment)
    errors = [problem for problem in problems if problem.severity == "error"]
    if catalogue is None or errors:
        shown = "\n".join(f"  {error}" for error in errors)
        raise ModelsInvalid(
            f"the models in {path} cannot be used ({len(errors)} error{'s' if len(errors) > 1 else ''}):\n{shown}",
            problems=[asdict(error) for error in errors],
        )
    return catalogue


def read_catalogue(
    path: Path, environment: Mapping[str, str], *, variables_may_be_unset: bool = False
) -> tuple[Catalogue | None, list[Problem]]:
    """What the file holds, and its problems in the order of its lines.

    `variables_may_be_unset`: as where a file is checked and not used; then there may be no catalogue and no error either.
    """
    report = Report(str(path))
    catalogue = _Reading(report, environment, variables_may_be_unset=variables_may_be_unset).read(path)
    return catalogue, sorted(report.problems, key=lambda problem: (problem.line, problem.column))


class _Reading:
    def __init__(
        self, report: Report, environment: Mapping[str, str], *, variables_may_be_unset: bool
    ) -> None:
        self._report = report
        self._environment = environment
        self._lenient = variables_may_be_unset
        self._unset: set[Path_] = set()
        """Where a value stands that nobody knows here."""

    def read(self, path: Path) -> Catalogue | None:
        try:
            with path.open("rb") as file:
                raw = file.read(_LARGEST)
        except OSError as error:
            self._report.error(
                Spot(1),
                f"the file cannot be read: {error.strerror}",
                "name a file of models in AGENTS_MODELS",
            )
            return None
        text = decode(raw, self._report)
        root = read_tree(text, self._report) if text is not None else None
        if self._report.has_errors:
            return None
        if root is None or root.kind != "object":
            self._report.error(
                Spot(1), "this file names no models", "write the keys models and tasks: see docs/models.md"
            )
            return None
        plain = self._plain(root, ())
        for key in _OURS & plain.keys():
            self._report.error(root.keys[key], f"`{key}` is no key that is known here", "remove it")
        lines = (
            {key: spot.line for key, spot in root.fields["tasks"].keys.items()}
            if "tasks" in root.fields
            else {}
        )
        catalogue = self._validated(root, {**plain, "file": str(path), "lines": lines})
        check_sense(root, plain, self._report, self._environment, keys_may_be_unset=self._lenient)
        return catalogue

    def _plain(self, node: Node, path: Path_) -> Any:
        """The value of a node with its variables filled in. What is empty is as if it were not there."""
        if node.kind == "object":
            filled = {key: field for key, field in node.fields.items() if field.kind != "nothing"}
            return {key: self._plain(field, (*path, key)) for key, field in filled.items()}
        if node.kind == "list":
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.items)]
        if node.kind in ("whole number", "number"):
            return node.text.replace("_", "")
        if node.kind == "true or false":
            return node.text.lower() in ("true", "yes", "on")
        try:
            return resolve(node.text, self._environment)
        except UnsetVariable as error:
            self._unset.add(path)
            if self._lenient:
                self._report.note(node, *_text_and_cure(str(error)))
            else:
                self._report.error(node, *_text_and_cure(str(error)))
        except ValueError as error:
            self._unset.add(path)
            self._report.error(node, *_text_and_cure(f"`{_named(path)}` {error}"))
        return ""

    def _validated(self, root: Node, plain: Any) -> Catalogue | None:
        try:
            return Catalogue.model_validate(plain)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                where = problem["loc"]
                if not any(where[: len(unset)] == unset for unset in self._unset):
                    place, text, cure = _told(root, where, problem)
                    self._report.error(place, text, cure)
            return None


def _told(root: Node, where: Path_, problem: Any) -> tuple[Node | Spot, str, str]:
    """A problem that the shape has, at its place and in our words."""
    kind, name = problem["type"], _named(where)
    node, found = root, 0
    for part in where:
        below = node.fields.get(part) if isinstance(part, str) else None
        if isinstance(part, int) and part < len(node.items):
            below = node.items[part]
        if below is None:
            break
        node, found = below, found + 1
    if kind == "missing":
        key = str(where[-1])
        cure = (
            "write prices: {input: …, output: …} for a million tokens, or prices: free"
            if key == "prices"
            else f"add `{key}:`"
        )
        return node, f"`{_named(where[:-1]) or 'the file'}` has no `{key}`", cure
    if kind == "extra_forbidden":
        return _key_spot(root, where), f"`{name}` is no key that is known here", _near(where)
    if kind in _KINDS:
        return node, f"`{name}` is not {_KINDS[kind]}", "write keys and values below it, indented"
    if kind == "literal_error":
        return node, f"`{name}` is {node.text!r}", f"write {problem['ctx']['expected']}"
    message = problem["msg"].removeprefix("Value error, ")
    if " — " in message:
        return node, *_text_and_cure(f"`{name}` {message}")
    return (
        node,
        f"`{name}` is {node.text!r}" if node.text else f"`{name}` does not fit",
        message.replace("Input should", "it should", 1),
    )


def _near(where: Path_) -> str:
    known = _known_keys(where)
    close = difflib.get_close_matches(str(where[-1]), known, n=1)
    return f"do you mean `{close[0]}`?" if close else f"remove it; known are {', '.join(known)}"


def _known_keys(where: Path_) -> list[str]:
    """The keys of the section that holds this path, found by asking it for one that nobody has."""
    section: Any = Catalogue
    for part in where[:-1]:
        fields = getattr(section, "model_fields", {})
        section = _section_of(fields[part].annotation if part in fields else section)
    return [name for name in getattr(section, "model_fields", {}) if name not in _OURS]


def _section_of(annotation: Any) -> Any:
    """The section within `X | None`, `Mapping[str, X]` and their like."""
    if hasattr(annotation, "model_fields"):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if hasattr(found := _section_of(inner), "model_fields"):
            return found
    return None


def _key_spot(root: Node, where: Path_) -> Node | Spot:
    node = root
    for part in where[:-1]:
        node = node.fields[part] if isinstance(part, str) else node.items[part]
    return node.keys.get(str(where[-1]), node)


def _named(path: Path_) -> str:
    return ".".join(map(str, path))


def _text_and_cure(message: str) -> tuple[str, str]:
    text, _, cure = message.partition(" — ")
    return text, cure
