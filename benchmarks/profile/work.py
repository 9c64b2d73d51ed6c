"""What a task is given to do, taken from its own declarations: an event or a request, and what the model answers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from agents.runtime import Agent
from agents.runtime.agent import Task
from benchmarks.suite.outside import MARKER, TEMPLATE
from benchmarks.suite.results import ROOT
from cli.errors import CommandError
from domain.event import Event, EventData
from domain.json import JsonObject, dump
from infrastructure.memory.schema_answer import schema_answer
from infrastructure.prompts.registry import load_prompts

BENCHMARKED = Event.from_json(TEMPLATE.encode()).type
OUTSIDE_KNOWS = "generate-code"
"""The prompt that `outside` answers by itself, at a length as models answer it."""


@dataclass(frozen=True)
class Work:
    """`template` is the event that starts the task; where none does, `body` goes to it by HTTP."""

    agent: Agent
    target: str
    task: Task
    answers: dict[str, str]
    takes: str = ""
    template: str = ""
    body: JsonObject | None = None

    @property
    def makes(self) -> list[str]:
        """What is counted as its work; events like those that start it are no sign of it."""
        return [event.event_type for event in self.agent.emits if event.event_type != self.takes]


def work(agent: str, task: str) -> Work:
    """CommandError names the agents or tasks that there are."""
    module = f"agents.{agent.replace('-', '_')}"
    if agent not in _agents():
        raise CommandError(f"there is no agent {agent}", hint=f"there are {', '.join(_agents())}")
    found: Agent = import_module(module).AGENT
    if task not in found.tasks:
        raise CommandError(f"{agent} has no task {task}", hint=f"it has {', '.join(found.tasks)}")
    declared, target, answers = found.tasks[task], f"{module}:AGENT", _answers(found)
    if declared.reactions:
        event = declared.reactions[0].event
        return Work(found, target, declared, answers, event.event_type, template(event))
    return Work(found, target, declared, answers, body=_example(declared))


def _agents() -> list[str]:
    folders = sorted((ROOT / "agents").glob("*/agent.py"))
    return [path.parent.name.replace("_", "-") for path in folders if path.parent.name != "runtime"]


def _answers(agent: Agent) -> dict[str, str]:
    """Of every prompt: what the task publishes may start another. Keys are the names that their schemas get on the wire."""
    prompts = load_prompts(ROOT / "prompts" / agent.name) if agent.prompts else None
    return {
        name.replace("-", "_"): dump(schema_answer(prompts.get(name).output_schema or {})).decode()
        for name in agent.prompts
        if prompts and name != OUTSIDE_KNOWS
    }


def template(event: type[EventData]) -> str:
    """A CloudEvent whose ids hold the marker, so that each is about something of its own."""
    if event.event_type == BENCHMARKED:
        return TEMPLATE
    schema = event.model_json_schema()
    data = schema["examples"][0] if "examples" in schema else schema_answer(schema)
    envelope = Event(
        id=MARKER,
        source="/benchmarks",
        type=event.event_type,
        time="2026-01-01T00:00:00Z",
        datacontenttype="application/json",
        data=_marked(data),
    )
    event.model_validate(envelope.data)
    return envelope.to_json().decode()


def _marked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _marked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    return MARKER if isinstance(value, str) and (name == "id" or name.endswith("_id")) else value


def _example(task: Task) -> JsonObject:
    schema = task.input.model_json_schema()
    example: JsonObject = schema["examples"][0] if "examples" in schema else schema_answer(schema)
    return example
