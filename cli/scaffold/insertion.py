"""New lines at the right place of files that exist: each text is read, changed and read again, so that nothing else changes."""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from typing import Any

import yaml

from cli.errors import CommandError
from cli.exit_codes import ExitCode

_LAYERS = re.compile(r'(?<=layers = \[")[\w |]+(?=", "runtime"\]\ncontainers = \["agents"\])')
_UNNAMED = re.compile(
    r'(?<=name = "the host names no agent"\n)(?P<before>(?:\w+ = .*\n)*?)forbidden_modules = \[\n(?P<list>[^\]]*)\]'
)
_CHART_AGENTS = re.compile(r"^agents:\n(?: {2}- .*\n(?: {4}.*\n)*)+", re.MULTILINE)
_WIDTH = 118


def with_room(toml: str, package: str) -> str:
    """pyproject.toml with one more room: agents do not import each other, the host names none."""
    if not _LAYERS.search(toml) or not _UNNAMED.search(toml):
        raise CommandError(
            "pyproject.toml: the two contracts of import-linter that name every agent are not in the form of this project",
            hint=f"add agents.{package} to them by hand: docs/adding-an-agent.md, step 6",
            code=ExitCode.INVALID,
        )
    layered = _LAYERS.sub(lambda found: " | ".join(sorted({*found[0].split(" | "), package})), toml)
    changed = _UNNAMED.sub(lambda found: _forbidden(found, package), layered)
    _require_only_rooms(tomllib.loads(toml), tomllib.loads(changed), package)
    return changed


def with_app(manifest: str, entry: str, app_id: str) -> str:
    """dapr.yaml with one more app at its end."""
    changed = f"{manifest.rstrip()}\n{entry}"
    try:
        before, after = yaml.safe_load(manifest), yaml.safe_load(changed)
        apps = after["apps"]
    except (yaml.YAMLError, KeyError, TypeError):
        apps = []
    if not apps or {**after, "apps": apps[:-1]} != before or apps[-1].get("appID") != app_id:
        raise CommandError(
            "dapr.yaml: the list of apps is not its last part, indented by two blanks: nothing can be appended",
            hint=f"move `apps:` to the end, or add this entry by hand:\n{entry}",
            code=ExitCode.INVALID,
        )
    return changed


def with_chart_entry(values: str, app_id: str) -> str:
    """values.yaml of the Helm chart with one more agent at the end of its list."""
    found = _CHART_AGENTS.search(values)
    changed = f"{values[: found.end()]}  - name: {app_id}\n{values[found.end() :]}" if found else values
    before, after = yaml.safe_load(values), yaml.safe_load(changed)
    if after != {**before, "agents": [*before["agents"], {"name": app_id}]}:
        raise CommandError(
            "deploy/helm/agents/values.yaml: the list of agents is not in the form of this project",
            hint=f"add `- name: {app_id}` to its `agents` by hand",
            code=ExitCode.INVALID,
        )
    return changed


def appended(source: str, code: str, imports: list[tuple[str, str]], path: str) -> str:
    """A Python module with code at its end, and behind its last import those `(module, name)` that it does not have yet.

    Raises:
        CommandError: it is no Python, or has one of the new names already.

    """
    there = bound(source, path)
    missing = [(module, name) for module, name in imports if there.get(name) != module]
    new = {*bound(code, path), *(name for _, name in missing)}
    if taken := sorted(new & there.keys()):
        raise CommandError(
            f"{path} has the name {', '.join(taken)} already",
            hint="choose another name for what is new",
            code=ExitCode.USAGE,
        )
    body = ast.parse(source).body
    ends = [
        one.end_lineno or 0
        for one in body
        if isinstance(one, (ast.Import, ast.ImportFrom)) or (one is body[0] and isinstance(one, ast.Expr))
    ]
    lines = source.splitlines(keepends=True)
    at = max(ends, default=0)
    lines[at:at] = [f"from {module} import {name}\n" for module, name in missing]
    return "".join(lines).rstrip() + "\n\n\n" + code.strip() + "\n"


def bound(source: str, path: str) -> dict[str, str]:
    """The names of a module's top level; of what is imported, with the module that it comes from."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise CommandError(
            f"{path}, line {error.lineno}: {error.msg}",
            hint="mend it first: nothing is added to a file that cannot be read",
            code=ExitCode.INVALID,
        ) from None
    names: dict[str, str] = {}
    for one in tree.body:
        match one:
            case ast.ImportFrom():
                names |= {alias.asname or alias.name: one.module or "" for alias in one.names}
            case ast.Import():
                names |= {alias.asname or alias.name: "" for alias in one.names}
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names[one.name] = ""
            case ast.Assign():
                names |= {target.id: "" for target in one.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = ""
    return names


def _forbidden(found: re.Match[str], package: str) -> str:
    modules = sorted({*re.findall(r'"([\w.]+)"', found["list"]), f"agents.{package}"})
    wrapped = textwrap.wrap(
        ", ".join(f'"{module}"' for module in modules) + ",", _WIDTH - 4, break_long_words=False
    )
    return f"{found['before']}forbidden_modules = [\n" + "".join(f"    {line}\n" for line in wrapped) + "]"


def _require_only_rooms(before: dict[str, Any], after: dict[str, Any], package: str) -> None:
    """What is not the new room is as it was."""
    contracts = before["tool"]["importlinter"]["contracts"], after["tool"]["importlinter"]["contracts"]
    changed = [new for old, new in zip(*contracts, strict=True) if old != new]
    after["tool"]["importlinter"]["contracts"] = contracts[0]
    if before != after or len(changed) != 2 or not all(package in str(one) for one in changed):
        raise CommandError(
            "pyproject.toml: the change would reach further than the two contracts that name every agent",
            hint=f"add agents.{package} to them by hand: docs/adding-an-agent.md, step 6",
            code=ExitCode.INVALID,
        )
