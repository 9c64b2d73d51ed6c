"""What is read from a flame graph, and that every task of every agent can be given work."""

from __future__ import annotations

import json
from importlib import import_module

import jsonschema_rs
import pytest

from benchmarks.profile.shares import Share, frames, hottest, place, shares
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


def _frame(title: str, row: int, start: int, samples: int, total: int = 10) -> str:
    return (
        f"<g><title>{title} ({samples} samples, {samples / total:.2%})</title>"
        f'<rect x="0%" y="{row * 16}" fg:x="{start}" fg:w="{samples}"/></g>'
    )


# main 10 → run 7 (→ dump 4, run again through json 2 → run 2), json.dumps 3
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:fg="http://github.com/jonhoo/inferno">'
    + _frame("all", 0, 0, 10)
    + _frame("main (infrastructure/host/__main__.py:3)", 1, 0, 10)
    + _frame("run (agents/runtime/run.py:9)", 2, 0, 7)
    + _frame("dumps (json/__init__.py:1)", 2, 7, 3)
    + _frame("dump (pydantic/main.py:1)", 3, 0, 4)
    + _frame("dumps (json/__init__.py:1)", 3, 4, 2)
    + _frame("again (agents/runtime/runner.py:9)", 4, 4, 2)
    + "</svg>"
)


def test_own_time_is_what_is_left_of_a_frame_above_those_it_called() -> None:
    own = {(frame.function, frame.samples): frame.own for frame in frames(PICTURE)}
    assert own == {
        ("main", 10): 0, ("run", 7): 1, ("dumps", 3): 3, ("dump", 4): 4, ("dumps", 2): 0, ("again", 2): 2,
    }  # fmt: skip


def test_shares_add_up_and_a_place_below_itself_counts_once() -> None:
    assert shares(frames(PICTURE)) == [
        Share("pydantic", 0.4, 0.4),
        Share("agents/runtime", 0.3, 0.7),
        Share("other standard library", 0.3, 0.5),
        Share("infrastructure/host", 0.0, 1.0),
    ]


def test_the_hottest_functions_are_summed_over_the_tree() -> None:
    assert hottest(frames(PICTURE), 2) == [
        ("dump", "pydantic/main.py", 0.4),
        ("dumps", "json/__init__.py", 0.3),
    ]


def test_a_picture_with_its_root_below_reads_the_same() -> None:
    turned = PICTURE
    for row in range(5):
        turned = turned.replace(f'y="{row * 16}"', f'y="-{row * 16}"')
    assert frames(turned) == frames(PICTURE)


def test_an_empty_picture_has_no_frames() -> None:
    assert frames('<svg xmlns="http://www.w3.org/2000/svg"></svg>') == []


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ("agents/runtime/run.py", "agents/runtime"),
        ("agents/service_desk/rules.py", "agents/service_desk"),
        ("infrastructure/dapr/state.py", "infrastructure/dapr"),
        ("domain/events/implementation.py", "domain"),
        ("grpc/aio/_call.py", "grpc"),
        ("asyncio/runners.py", "asyncio"),
        ("threading.py", "other standard library"),
        ("typing_extensions.py", "typing_extensions"),
        ("1.0.0.yaml", "prompts"),
        ("<frozen runpy>", "Python itself"),
        ("", "Python itself"),
    ],
)
def test_a_file_belongs_to_a_room_or_a_library(file: str, where: str) -> None:
    assert place(file) == where


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
