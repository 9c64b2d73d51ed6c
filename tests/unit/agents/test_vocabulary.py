"""What holds for every agent: names, examples, prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from agents.runtime import Agent
from agents.runtime.agent import DeclaredPrompt, Task
from cli.documents import load_agent
from cli.local.manifest import read_manifest
from cli.vocabulary import known_events
from domain.event import EventData
from domain.json import JsonObject
from infrastructure.memory.schema_answer import schema_answer
from infrastructure.prompts.check import check_folder
from infrastructure.prompts.fit import fits
from infrastructure.prompts.registry import load_prompts

ROOT = Path(__file__).parents[3]
PROMPTS = ROOT / "prompts"
AGENTS = [load_agent(app.command[-1]) for app in read_manifest(ROOT / "dapr.yaml")]

EMITS = {
    "notification": [
        "agents.notification.send.requested",
        "agents.notification.sent.completed",
        "agents.notification.delivery.confirmed",
        "agents.notification.delivery.failed",
    ],
    "devops": [
        "agents.devops.sprint.analyzed",
        "agents.devops.issue.created",
        "agents.devops.project.updated",
        "agents.devops.workflow.triggered",
    ],
    "test-planning": [
        "agents.testplanning.spec.generated",
        "agents.testplanning.strategy.created",
        "agents.testplanning.coverage.analyzed",
    ],
    "implementation": [
        "agents.implementation.code.generated",
        "agents.implementation.review.completed",
        "agents.implementation.refactoring.suggested",
    ],
    "service-desk": [
        "agents.servicedesk.ticket.created",
        "agents.servicedesk.ticket.triaged",
        "agents.servicedesk.solution.suggested",
        "agents.servicedesk.ticket.escalated",
    ],
}
REACTIONS = {
    ("implementation", "generate-code"): {"agents.testplanning.spec.generated"},
    ("notification", "compose"): {
        "agents.implementation.code.generated",
        "agents.servicedesk.ticket.escalated",
    },
    ("notification", "send"): {
        "agents.notification.send.requested",
        "agents.devops.dead-letter",
        "agents.implementation.dead-letter",
        "agents.servicedesk.dead-letter",
        "agents.testplanning.dead-letter",
    },
    ("service-desk", "triage"): {"agents.servicedesk.ticket.created"},
    ("service-desk", "suggest-solution"): {"agents.servicedesk.ticket.triaged"},
    ("devops", "create-issue"): {"agents.servicedesk.ticket.escalated"},
}
TASKS = {
    "notification": ["compose", "send"],
    "devops": ["analyze-sprint", "create-issue", "update-project", "trigger-workflow"],
    "test-planning": ["generate-spec", "create-strategy", "analyze-coverage"],
    "implementation": ["generate-code", "review-code", "suggest-refactoring"],
    "service-desk": ["open-ticket", "triage", "suggest-solution"],
}

each_agent = pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
# What is written out above; agents and tasks that came later have their own tests, and keep the rules below all the same.
each_of_the_five = pytest.mark.parametrize(
    "agent", [agent for agent in AGENTS if agent.name in TASKS], ids=lambda agent: agent.name
)
each_task = pytest.mark.parametrize(
    "task",
    [pytest.param(task, id=f"{agent.name}/{task.name}") for agent in AGENTS for task in agent.tasks.values()],
)
each_prompt = pytest.mark.parametrize(
    ("agent", "declared"),
    [
        pytest.param(agent, declared, id=f"{agent.name}/{declared.name}")
        for agent in AGENTS
        for declared in agent.prompts.values()
    ],
)


@each_of_the_five
def test_each_agent_has_its_tasks_first(agent: Agent) -> None:
    assert list(agent.tasks)[: len(TASKS[agent.name])] == TASKS[agent.name]


@each_of_the_five
def test_each_agent_emits_its_event_types_first(agent: Agent) -> None:
    assert [event.event_type for event in agent.emits][: len(EMITS[agent.name])] == EMITS[agent.name]


@each_of_the_five
def test_each_agent_reacts_to_what_it_should(agent: Agent) -> None:
    reactions = {
        (agent.name, task.name): {reaction.event.event_type for reaction in task.reactions}
        for task in agent.tasks.values()
        if task.reactions
    }
    assert reactions == {place: types for place, types in REACTIONS.items() if place[0] == agent.name}


@each_agent
def test_each_agent_publishes_the_event_types_of_its_domain_and_no_others(agent: Agent) -> None:
    of_its_domain = {name for name in known_events() if name.startswith(f"agents.{agent.domain}.")}
    of_the_runtime = {agent.dead_letter_topic, agent.rolled_back_topic}
    assert {event.event_type for event in agent.emits} == of_its_domain - of_the_runtime


@each_task
def test_each_task_says_in_a_sentence_what_it_does(task: Task) -> None:
    assert task.description.endswith(".")
    assert "\n" not in task.description


@each_task
def test_each_example_is_a_valid_input(task: Task) -> None:
    examples = task.input.model_json_schema()["examples"]
    assert examples
    for example in examples:
        task.input.model_validate(example)


@each_task
def test_each_task_refuses_fields_it_does_not_know(task: Task) -> None:
    example = task.input.model_json_schema()["examples"][0]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        task.input.model_validate({**example, "surprise": 1})


@each_task
def test_each_input_is_bounded(task: Task) -> None:
    schema = task.input.model_json_schema()
    assert list(unbounded(schema, schema.get("$defs", {}), task.input.__name__)) == []


@pytest.mark.parametrize(
    "event", [event for agent in AGENTS for event in agent.emits], ids=lambda event: event.event_type
)
def test_each_event_takes_fields_of_a_newer_version(event: type[EventData]) -> None:
    payload = schema_answer(event.model_json_schema())
    read = event.model_validate({**payload, "added_later": True})
    assert read.subject is not None
    assert "added_later" not in read.model_dump()


@each_agent
def test_each_to_input_takes_the_smallest_event(agent: Agent) -> None:
    for task in agent.tasks.values():
        for reaction in task.reactions:
            smallest = reaction.event.model_validate(schema_answer(reaction.event.model_json_schema()))
            assert isinstance(reaction.to_input(smallest), task.input)


@each_agent
def test_each_to_input_takes_the_largest_event(agent: Agent) -> None:
    for task in agent.tasks.values():
        for reaction in task.reactions:
            schema = reaction.event.model_json_schema()
            largest = reaction.event.model_validate(fullest(schema, schema.get("$defs", {})))
            assert isinstance(reaction.to_input(largest), task.input)


def test_all_prompt_files_can_be_released() -> None:
    assert check_folder(PROMPTS) == []


def test_each_folder_of_prompts_is_an_agents() -> None:
    folders = {path.name for path in PROMPTS.iterdir() if path.is_dir()}
    assert folders <= {agent.name for agent in AGENTS}


@each_agent
def test_each_agent_has_the_prompts_it_asks_and_no_others(agent: Agent) -> None:
    assert {prompt.name for prompt in load_prompts(PROMPTS / agent.name).all()} == set(agent.prompts)


@each_prompt
def test_each_prompt_fits_its_agent(agent: Agent, declared: DeclaredPrompt[Any, Any]) -> None:
    prompt = load_prompts(PROMPTS / agent.name).get(declared.name)
    assert fits(prompt, set(declared.takes.model_fields), declared.returns.model_json_schema()) == []


@each_prompt
def test_each_answer_has_exactly_the_bounds_of_its_prompt(
    agent: Agent, declared: DeclaredPrompt[Any, Any]
) -> None:
    prompt = load_prompts(PROMPTS / agent.name).get(declared.name)
    assert bare(declared.returns) == prompt.output_schema


def bare(model: type[BaseModel]) -> JsonObject:
    """The model's JSON schema as a prompt writes it: without titles, descriptions and references."""
    whole = model.model_json_schema()

    def strip(schema: JsonObject) -> JsonObject:
        if "$ref" in schema:
            return strip(whole["$defs"][schema["$ref"].rpartition("/")[2]])
        kept = {key: value for key, value in schema.items() if key not in {"title", "description", "$defs"}}
        if "properties" in kept:
            kept["properties"] = {name: strip(value) for name, value in kept["properties"].items()}
        if "items" in kept:
            kept["items"] = strip(kept["items"])
        return kept

    return strip(whole)


def unbounded(schema: JsonObject, definitions: JsonObject, path: str) -> Any:
    """Where a schema lets texts, lists or numbers grow without limit."""
    if "$ref" in schema:
        yield from unbounded(definitions[schema["$ref"].rpartition("/")[2]], definitions, path)
    for choice in schema.get("anyOf", []):
        yield from unbounded(choice, definitions, path)
    for name, field in schema.get("properties", {}).items():
        yield from unbounded(field, definitions, f"{path}.{name}")
    match schema.get("type"):
        case "string" if not {"maxLength", "enum", "const", "pattern", "format"} & schema.keys():
            yield f"{path} has no maxLength"
        case "array":
            if "maxItems" not in schema:
                yield f"{path} has no maxItems"
            yield from unbounded(schema["items"], definitions, f"{path}[]")
        case "integer" | "number" if not {"maximum", "exclusiveMaximum"} & schema.keys():
            yield f"{path} has no maximum"


def fullest(schema: JsonObject, definitions: JsonObject) -> Any:
    """The largest value that a bounded schema allows; texts are Japanese, as wide as UTF-8 makes them there."""
    if "$ref" in schema:
        return fullest(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return fullest(schema["anyOf"][0], definitions)
    if "enum" in schema:
        return schema["enum"][-1]
    match schema.get("type"):
        case "object":
            return {name: fullest(field, definitions) for name, field in schema["properties"].items()}
        case "array":
            return [fullest(schema["items"], definitions)] * schema["maxItems"]
        case "string":
            return "name@example.com" if "pattern" in schema else "字" * schema["maxLength"]
        case "integer":
            return schema.get("maximum", 1)
        case _:
            return True
