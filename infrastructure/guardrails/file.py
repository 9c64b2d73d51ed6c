"""`guardrails.yaml`: which task has which guardrails. Everything that is wrong is told at once, with its place and its cure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from domain.pii import KINDS
from infrastructure.guardrails.rules import NONE, Guardrails, Guards, Injection, Length, Links, Pii, Plain
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.located_yaml.tree import Node, decode, read_tree

_KEYS: Final = ("default", "tasks")
Option = Callable[[Node, Report], Any]


class GuardrailsInvalid(ValueError):
    """A file of guardrails that cannot be used: `problems` has each one's line and cure."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def load_guardrails(path: Path | None, agent: str, tasks: Iterable[str]) -> Guardrails:
    """The guardrails of one agent; none without a file. `tasks` are those that the agent has.

    Raises:
        GuardrailsInvalid: the file cannot be read, or not everything in it can be used.

    """
    if path is None:
        return Guardrails()
    report = Report(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        report.error(
            Spot(1), f"cannot be read: {error.strerror}", "set AGENTS_GUARDRAILS to a file, or leave it out"
        )
        raise GuardrailsInvalid(report.problems) from None
    guardrails = read_guardrails(raw, report, agent, tuple(tasks))
    if report.problems:
        raise GuardrailsInvalid(report.problems)
    return guardrails


def read_guardrails(raw: bytes, report: Report, agent: str, tasks: tuple[str, ...]) -> Guardrails:
    text = decode(raw, report)
    root = read_tree(text, report) if text is not None else None
    if report.problems:
        return Guardrails()
    if root is None or root.kind == "nothing" or not _says_anything(root):
        cure = "write `default:` or `tasks:` (docs/guardrails.md), or leave AGENTS_GUARDRAILS out for none"
        report.error(root or Spot(1), "the file names no guardrails", cure)
        return Guardrails()
    if not _is_object(root, "the file", report):
        return Guardrails()
    _check_known(root, _KEYS, "", report)
    default = _guards(root.fields["default"], "default", report) if "default" in root.fields else NONE
    chosen: dict[str, Guards] = {}
    listed = root.fields.get("tasks")
    if listed is not None and listed.kind != "nothing" and _is_object(listed, "`tasks`", report):
        for name, node in listed.fields.items():
            guards = _guards(node, f"tasks.{name}", report)
            owner, _, task = name.partition("/")
            if not task:
                report.error(
                    listed.keys[name],
                    f"`{name}` names no task",
                    "write <agent>/<task>, like service-desk/triage",
                )
            elif owner == agent and task not in tasks:
                _unknown(listed.keys[name], f"the task {task} of {agent}", task, tasks, report)
            elif owner == agent:
                chosen[name] = guards
    return Guardrails(default, chosen)


def _says_anything(root: Node) -> bool:
    """What is wrong is something, too: its own error tells more."""
    fields = {
        key: field for key, field in root.fields.items() if field.fields or field.text or key not in _KEYS
    }
    return root.kind != "object" or bool(fields)


def _guards(node: Node, where: str, report: Report) -> Guards:
    if node.kind == "true or false" and node.text.lower() in ("off", "false", "no"):
        return NONE
    if not _is_object(node, f"`{where}`", report):
        return NONE
    _check_known(node, tuple(_GUARDRAILS), f"{where}.", report)
    found = {
        name: _GUARDRAILS[name](value, f"{where}.{name}", report)
        for name, value in node.fields.items()
        if name in _GUARDRAILS
    }
    return Guards(**found)


def _guardrail(
    kind: type[Any], actions: tuple[str, ...], options: Mapping[str, Option] | None = None
) -> Callable[[Node, str, Report], Any]:
    """Reads `block`, or an object with `action` and what else the guardrail can be told."""

    def read(node: Node, where: str, report: Report) -> Any:
        if node.kind == "true or false" and node.text.lower() in ("off", "false", "no"):
            return None
        if node.kind != "object":
            action = _choice(actions)(node, report)
            return kind(action) if action else None
        known = {"action": _choice(actions), **(options or {})}
        _check_known(node, tuple(known), f"{where}.", report)
        if "action" not in node.fields:
            report.error(node, f"`{where}` has no `action`", f"write action: {' or '.join(actions)}")
            return None
        values = {name: known[name](value, report) for name, value in node.fields.items() if name in known}
        return None if None in values.values() else kind(**values)

    return read


def _choice(choices: tuple[str, ...]) -> Option:
    def read(node: Node, report: Report) -> str | None:
        if node.kind == "text" and node.text in choices:
            return node.text
        report.error(
            node, f"`{node.text or node.kind}` is not possible here", f"write {' or '.join(choices)}"
        )
        return None

    return read


def _flag(node: Node, report: Report) -> bool | None:
    if node.kind != "true or false":
        report.error(node, f"`{node.text or node.kind}` is neither true nor false", "write true or false")
        return None
    return node.text.lower() in ("true", "yes", "on")


def _count(node: Node, report: Report) -> int | None:
    if node.kind != "whole number" or not node.text.isdecimal() or not 1 <= int(node.text[:12]) <= 10_000_000:
        report.error(node, f"`{node.text or node.kind}` is no length", "write characters, from 1 to 10000000")
        return None
    return int(node.text)


def _names(choices: tuple[str, ...] | None) -> Option:
    def read(node: Node, report: Report) -> tuple[str, ...] | None:
        if node.kind != "list" or not node.items or any(item.kind != "text" for item in node.items):
            report.error(
                node,
                "this is no list of names",
                f"write a list: [{', '.join(choices or ('docs.example.org',))}]",
            )
            return None
        for item in node.items:
            if choices is not None and item.text not in choices:
                _unknown(item, f"the kind {item.text}", item.text, choices, report)
                return None
            if choices is None and ("/" in item.text or ":" in item.text):
                report.error(item, f"`{item.text}` is no host", "write the host alone, like docs.example.org")
                return None
        return tuple(item.text for item in node.items)

    return read


def _spotlight(node: Node, _: str, report: Report) -> Any:
    if node.kind == "true or false" and node.text.lower() in ("off", "false", "no"):
        return None
    return _choice(("delimit", "datamark"))(node, report)


_STOPS: Final = ("block", "warn")
_CHANGES: Final = ("block", "redact", "warn")
_GUARDRAILS: Final[dict[str, Callable[[Node, str, Report], Any]]] = {
    "length": _guardrail(Length, _STOPS, {"characters": _count}),
    "prompt_injection": _guardrail(Injection, _STOPS, {"model": _flag}),
    "moderation": _guardrail(Plain, _STOPS),
    "pii": _guardrail(Pii, _CHANGES, {"kinds": _names(KINDS), "restore": _flag}),
    "spotlight": _spotlight,
    "secrets": _guardrail(Plain, _CHANGES),
    "invented_links": _guardrail(Links, _CHANGES, {"allow": _names(None), "paths": _flag}),
    "prompt_leak": _guardrail(Plain, _STOPS),
}


def _is_object(node: Node, what: str, report: Report) -> bool:
    if node.kind != "object":
        report.error(node, f"{what} is {node.text or node.kind}", "write keys and values below it, indented")
        return False
    return True


def _check_known(node: Node, known: tuple[str, ...], prefix: str, report: Report) -> None:
    for key, spot in node.keys.items():
        if key not in known:
            _unknown(spot, f"the key `{prefix}{key}`", key, known, report)


def _unknown(spot: Node | Spot, what: str, name: str, known: tuple[str, ...], report: Report) -> None:
    close = difflib.get_close_matches(name, known, n=1)
    cure = f"do you mean `{close[0]}`?" if close else f"known are {', '.join(known)}"
    report.error(spot, f"{what} is unknown", cure)
