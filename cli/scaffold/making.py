"""What `agents new` makes: the files of an agent, of one more task, of one more prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import MANIFEST
from cli.local.manifest import read_manifest
from cli.nearest import nearest
from cli.scaffold.change import Change, formatted
from cli.scaffold.insertion import appended, with_app, with_chart_entry, with_room
from cli.scaffold.names import AgentName, TaskName, agent_name, task_name
from cli.scaffold.ports import free_ports
from cli.vocabulary import known_events

_FIRST_VERSION = "1.0.0.yaml"
_CHART_VALUES = "deploy/helm/agents/values.yaml"
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - Python and YAML; every value is a checked name
)


@dataclass(frozen=True)
class StartingEvent:
    """The event type that starts the first task, and the class that is its payload."""

    type: str
    module: str
    name: str

    @property
    def words(self) -> str:
        """`CodeGenerated` as `code_generated`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()

    @property
    def function(self) -> str:
        return f"from_{self.words}"


def new_agent(root: Path, name: str, tasks: Sequence[str], on: str | None) -> Change:
    """Everything that a new agent is; without a task named, it has one, `respond`."""
    apps = read_manifest(root / MANIFEST)
    agent = agent_name(
        name,
        {app.app_id for app in apps} | _names(root / "prompts"),
        _names(root / "agents"),
        _names(root / "domain/events") | {app.app_id.replace("-", "") for app in apps},
    )
    made: list[TaskName] = []
    for given in tasks or ("respond",):
        made.append(task_name(given, agent, [one.name for one in made]))
    event = _event(on) if on else None
    _refuse_doubles(made, event)
    words = "; ".join(task.words for task in made)
    about = {
        "agent": agent,
        "tasks": made,
        "event": event,
        "description": f"{words.capitalize()}.",
        "ports": free_ports(apps),
    }
    room = f"agents/{agent.package}"
    files = {
        f"domain/events/{agent.domain}.py": _made("events.py.j2", about),
        f"{room}/__init__.py": _made("init.py.j2", about),
        f"{room}/models.py": _made("models.py.j2", about),
        f"{room}/agent.py": _made("agent.py.j2", about),
        **{path: text for task in made for path, text in _prompt(task).items()},
        f"tests/unit/agents/test_{agent.package}.py": _made("test.py.j2", about),
        f"docs/agents/{agent.app_id}.md": _made("page.md.j2", about),
    }
    for path in files:
        if (root / path).exists():
            raise CommandError(
                f"{path} is there already", hint="remove it, or choose another name", code=ExitCode.USAGE
            )
    changed = {
        MANIFEST: with_app((root / MANIFEST).read_text(), _made("dapr.yaml.j2", about), agent.app_id),
        "pyproject.toml": with_room((root / "pyproject.toml").read_text(), agent.package),
    }
    if (root / _CHART_VALUES).is_file():
        changed[_CHART_VALUES] = with_chart_entry((root / _CHART_VALUES).read_text(), agent.app_id)
    return _checked(root, {**files, **changed})


def new_task(root: Path, agent_id: str, name: str) -> Change:
    """One more task of an agent, with its event, its prompt and its test."""
    agent = _known(root, agent_id)
    task = task_name(name, agent, _names(root / "prompts" / agent.app_id), "a prompt")
    about = {"agent": agent, "task": task, "tasks": [task], "event": None}
    events, room = f"domain.events.{agent.domain}", f"agents.{agent.package}"
    test = f"tests/unit/agents/test_{agent.package}.py"
    insertions = {
        f"domain/events/{agent.domain}.py": ("event.py.j2", _EVENT_IMPORTS),
        f"agents/{agent.package}/models.py": ("model.py.j2", _MODEL_IMPORTS),
        f"agents/{agent.package}/agent.py": (
            "appended_task.py.j2",
            [
                *((f"{room}.models", model) for model in (task.takes, task.returns)),
                *(("agents.runtime", known) for known in ("Agent", "Context", "Outcome")),
                ("domain.entities.values", "identifier"),
                (events, task.event),
            ],
        ),
    }
    files = _inserted(root, agent, insertions, about)
    if (root / test).exists():
        imports = [
            (room, "AGENT"),
            (events, task.event),
            *(("infrastructure.testing", known) for known in ("Model", "platform")),
        ]
        files |= _inserted(root, agent, {test: ("task_test.py.j2", imports)}, about)
    else:
        files[test] = _made("test.py.j2", about)
    return _checked(root, files | _prompt(task))


def new_prompt(root: Path, agent_id: str, name: str) -> Change:
    """One more prompt of an agent, declared, for a task to ask."""
    agent = _known(root, agent_id)
    there = _names(root / "prompts" / agent.app_id)
    if name in there:
        raise CommandError(
            f"{agent_id} has a prompt {name} already",
            hint=f"a new version of it: agents prompts new {agent_id}/{name}",
            code=ExitCode.USAGE,
        )
    prompt = task_name(name, agent, there, "a prompt")
    about = {"agent": agent, "task": prompt}
    insertions = {
        f"agents/{agent.package}/models.py": ("model.py.j2", _MODEL_IMPORTS),
        f"agents/{agent.package}/agent.py": (
            "appended_prompt.py.j2",
            [(f"agents.{agent.package}.models", model) for model in (prompt.takes, prompt.returns)],
        ),
    }
    return _checked(root, _inserted(root, agent, insertions, about) | _prompt(prompt))


_EVENT_IMPORTS = [
    *(("domain.entities.values", name) for name in ("Reference", "Sentence", "Title")),
    ("domain.event", "EventData"),
]
_MODEL_IMPORTS = [
    *(("pydantic", name) for name in ("ConfigDict", "Field")),
    *(("domain.entities.values", name) for name in ("Closed", "Text", "Title")),
]


def _prompt(task: TaskName) -> dict[str, str]:
    """A draft: no lock names it, so it may be changed until it is released."""
    folder, about = f"prompts/{task.agent.app_id}/{task.name}", {"agent": task.agent, "task": task}
    return {
        f"{folder}/{_FIRST_VERSION}": _made("prompt.yaml.j2", about),
        f"{folder}/cases.yaml": _made("cases.yaml.j2", about),
    }


def _inserted(
    root: Path,
    agent: AgentName,
    insertions: dict[str, tuple[str, list[tuple[str, str]]]],
    about: dict[str, Any],
) -> dict[str, str]:
    files = {}
    for path, (template, imports) in insertions.items():
        if not (root / path).is_file():
            raise CommandError(
                f"{agent.app_id} has no {path}, where new things are added",
                hint="docs/adding-an-agent.md shows which files an agent has",
                code=ExitCode.INVALID,
            )
        files[path] = appended((root / path).read_text(), _made(template, about), imports, path)
    return files


def _checked(root: Path, files: dict[str, str]) -> Change:
    change = Change(root, {path: formatted(path, text, root) for path, text in files.items()})
    change.check()
    return change


def _made(template: str, about: dict[str, Any]) -> str:
    return _TEMPLATES.get_template(template).render(about).lstrip("\n")


def _event(given: str) -> StartingEvent:
    known = known_events()
    if given not in known:
        raise CommandError(
            f"no event type {given}",
            hint=nearest(given, known),
            code=ExitCode.NOT_FOUND,
        )
    return StartingEvent(given, known[given].__module__, known[given].__name__)


def _refuse_doubles(tasks: Sequence[TaskName], event: StartingEvent | None) -> None:
    """`write-notes` and `write-notes-answer` would both have a class WriteNotesAnswer."""
    names = [name for task in tasks for name in (task.takes, task.returns, task.event)]
    names += [event.name] if event else []
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CommandError(
            f"two things would be called {', '.join(twice)}", hint="choose other tasks", code=ExitCode.USAGE
        )


def _known(root: Path, agent_id: str) -> AgentName:
    there = [app.app_id for app in read_manifest(root / MANIFEST)]
    if agent_id not in there:
        raise CommandError(
            f"no agent {agent_id} in {MANIFEST}", hint=nearest(agent_id, there), code=ExitCode.NOT_FOUND
        )
    return AgentName(agent_id)


def _names(folder: Path) -> set[str]:
    """Of the modules, packages and folders in a folder."""
    if not folder.is_dir():
        return set()
    return {one.stem for one in folder.iterdir() if not one.name.startswith(("_", "."))}
