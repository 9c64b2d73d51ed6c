"""Files that set something for single agents: whether those agents exist. An agent looks only for its own name."""

from collections.abc import Iterator
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance
from cli.local.manifest import read_manifest
from cli.nearest import nearest
from infrastructure.located_yaml.problem import Problem, Report
from infrastructure.located_yaml.tree import Node, decode, read_tree

FILES = ("AGENTS_MODELS", "AGENTS_GUARDRAILS")
"""The settings that name such files: their keys are `AGENT` or `AGENT/TASK`, below these places."""
_PLACES = (("tasks",), ("budgets", "agents"))
_EVERYBODY = "default"


def strangers(instance: Instance) -> Iterator[Problem]:
    """Each name in the files in use that is no agent of dapr.yaml. What else is wrong with a file, its reader says."""
    agents = [app.app_id for app in read_manifest(instance.manifest)]
    for setting in FILES:
        name = instance.environment.get(setting)
        file = instance.root / name if name else None
        if file is not None and file.is_file():
            yield from _in_file(file, name or "", agents)


def require_no_strangers(instance: Instance) -> None:
    if problems := list(strangers(instance)):
        raise CommandError("\n".join(map(str, problems)), code=ExitCode.INVALID)


def _in_file(file: Path, name: str, agents: list[str]) -> Iterator[Problem]:
    report = Report(name)
    text = decode(file.read_bytes(), report)
    root = read_tree(text, report) if text is not None else None
    for place in _PLACES if root is not None else ():
        node: Node | None = root
        for key in place:
            node = node.fields.get(key) if node is not None else None
        for key, spot in node.keys.items() if node is not None else ():
            agent = key.partition("/")[0]
            if agent not in {*agents, _EVERYBODY}:
                yield Problem(
                    name,
                    spot.line,
                    spot.column,
                    "error",
                    f"there is no agent {agent}",
                    nearest(agent, agents),
                )
