"""What a flame graph shows to others, and that every task of every agent can be given work."""

from __future__ import annotations

import json
from importlib import import_module

import jsonschema_rs
import pytest

from benchmarks.profile.__main__ import portable
from benchmarks.profile.work import OUTSIDE_KNOWS, work
from benchmarks.suite.outside import MARKER
from benchmarks.suite.results import ROOT
from cli.errors import CommandError
from domain.event import Event
from infrastructure.prompts.registry import load_prompts

AGENTS = ("devops", "implementation", "notification", "service-desk", "test-planning")
TASKS = [
    (name, task) for name in AGENTS for task in import_module(f"agents.{name.replace('-', '_')}").AGENT.tasks
]


def test_a_flame_graph_names_no_folder_of_this_machine() -> None:
    svg = (
        '<text id="title" x="50%">/home/me/py-spy record --output /home/me/profile.svg</text>'
        f"<title>run ({ROOT}/agents/runtime/run.py:9) (7 samples, 70%)</title><text>run ({ROOT}/ag..</text>"
        f"<title>dump ({ROOT}/.venv/lib/python3.11/site-packages/pydantic/main.py:1) (3 samples, 30%)</title>"
        "<title>dumps (/usr/lib/python3.11/json.py:1) (3 samples, 30%)</title><text>main (agents/run.py:1)</text>"
    )
    assert portable(svg, "generate-code: 600 a second") == (
        '<text id="title" x="50%">generate-code: 600 a second</text>'
        "<title>run (agents/runtime/run.py:9) (7 samples, 70%)</title><text>run (ag..</text>"
        "<title>dump (pydantic/main.py:1) (3 samples, 30%)</title>"
        "<title>dumps (json.py:1) (3 samples, 30%)</title><text>main (agents/run.py:1)</text>"
    )


@pytest.mark.parametrize(("agent", "task"), TASKS)
def test_every_task_is_given_what_it_takes(agent: str, task: str) -> None:
    asked = work(agent, task)
    if asked.template:
        event = Event.from_json(asked.template.encode())
        reaction = asked.task.reactions[0]
        reaction.to_input(reaction.event.model_validate(event.data))
        assert (event.id, event.type) == (MARKER, asked.takes)
        assert asked.takes not in asked.makes
        assert asked.makes
    else:
        asked.task.input.model_validate(asked.body)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_model_answers_what_fits_each_prompt(agent: str) -> None:
    found = import_module(f"agents.{agent.replace('-', '_')}").AGENT
    prompts = load_prompts(ROOT / "prompts" / agent)
    answers = work(agent, next(iter(found.tasks))).answers
    assert set(answers) == {name.replace("-", "_") for name in found.prompts if name != OUTSIDE_KNOWS}
    for name in found.prompts:
        schema = prompts.get(name).output_schema
        if schema and name != OUTSIDE_KNOWS:
            jsonschema_rs.validate(schema, json.loads(answers[name.replace("-", "_")]))


def test_an_unknown_agent_or_task_names_those_that_there_are() -> None:
    with pytest.raises(CommandError) as no_agent:
        work("planning", "plan")
    assert "test-planning" in no_agent.value.hint
    with pytest.raises(CommandError) as no_task:
        work("implementation", "plan")
    assert "generate-code" in no_task.value.hint
