from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner
from openapi_spec_validator import validate

from cli import documents
from cli.asyncapi import asyncapi, envelope, payload_schemas
from cli.errors import CommandError
from domain.event import Event
from domain.rollout import TakenBack
from infrastructure.memory.prompts import MemoryPrompts
from infrastructure.rollout.announcing import rolled_back
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.cli.two_agents import PLANNER, READER, PlanMade, PlanRead

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return documents.documents(ROOT)


def test_the_documents_are_the_same_each_time(
    made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTS_HTTP_PATIENCE", "1")
    monkeypatch.setenv("APP_API_TOKEN", "secret")

    assert documents.documents(ROOT) == made


def test_every_agents_openapi_document_is_valid(made: dict[str, bytes]) -> None:
    found = [name for name in made if name.startswith("openapi/")]

    assert len(found) >= 5
    for name in found:
        document = json.loads(made[name])
        # First, because the validator answers a dangling reference with the whole document.
        assert [one for one in _references(document) if not _leads_somewhere(one, document)] == []
        validate(document)


def test_every_schema_is_valid_and_has_its_dataschema_for_an_id(made: dict[str, bytes]) -> None:
    schemas = {name: json.loads(content) for name, content in made.items() if name.startswith("schemas/")}

    for name, schema in schemas.items():
        jsonschema_rs.meta.validate(schema)
        kind = name.removeprefix("schemas/").removesuffix(".json")
        assert schema["$id"].startswith(f"urn:my-agents:schema:{kind}:")
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_in_the_asyncapi_document_leads_somewhere(made: dict[str, bytes]) -> None:
    document = yaml.safe_load(made["asyncapi.yaml"])

    references = list(_references(document))
    assert len(references) > 100
    files = [one for one in references if not one.startswith("#/")]
    assert [one for one in references if one not in files and not _leads_somewhere(one, document)] == []
    assert set(files) <= set(made)


def test_operations_say_who_sends_and_who_receives_each_topic() -> None:
    document = asyncapi([PLANNER, READER], "1.0.0", "127.0.0.1:6379")

    assert [(key, one["action"], one["summary"]) for key, one in document["operations"].items()] == [
        ("planner.receive.agents.reader.plan.read", "receive", "planner: starts note-reading"),
        (
            "planner.receive.agents.planner.execution.requested",
            "receive",
            "planner: its own requests, so that a crash leads back to them",
        ),
        ("planner.send.agents.planner.plan.made", "send", "planner: what its tasks lead to"),
        ("planner.send.agents.planner.execution.requested", "send", "planner: requests that came over HTTP"),
        ("planner.send.agents.planner.dead-letter", "send", "planner: work that failed for good"),
        (
            "planner.send.agents.planner.prompt.rolled-back",
            "send",
            "planner: versions of prompts that were taken back",
        ),
        ("planner.send.agents.planner.budget.exceeded", "send", "planner: soft budgets that were passed"),
        ("reader.receive.agents.planner.plan.made", "receive", "reader: starts read-plan"),
        (
            "reader.receive.agents.reader.execution.requested",
            "receive",
            "reader: its own requests, so that a crash leads back to them",
        ),
        ("reader.send.agents.reader.plan.read", "send", "reader: what its tasks lead to"),
        ("reader.send.agents.reader.execution.requested", "send", "reader: requests that came over HTTP"),
        ("reader.send.agents.reader.dead-letter", "send", "reader: work that failed for good"),
        (
            "reader.send.agents.reader.prompt.rolled-back",
            "send",
            "reader: versions of prompts that were taken back",
        ),
        ("reader.send.agents.reader.budget.exceeded", "send", "reader: soft budgets that were passed"),
    ]


async def test_what_the_runtime_publishes_fits_the_schemas() -> None:
    schemas = payload_schemas([PLANNER, READER], [PlanMade, PlanRead])
    async with MemoryPlatform([PLANNER, READER], prompts=MemoryPrompts()) as platform:
        await platform.execute("planner", "make-plan", {"title": "unreadable"})
        await platform.execute("planner", "make-plan", {"title": "fine"}, correlation_id="spring")
        await platform.quiet()

    published = {Event.model_validate_json(message).type: message for _, message in platform.broker.published}
    assert sorted(published) == [
        "agents.planner.execution.requested",
        "agents.planner.plan.made",
        "agents.reader.dead-letter",
        "agents.reader.plan.read",
    ]
    for kind, message in published.items():
        event = json.loads(message)
        jsonschema_rs.validate(envelope(), event)
        jsonschema_rs.validate(schemas[kind], event["data"])
        assert event.get("dataschema", schemas[kind]["$id"]) == schemas[kind]["$id"]
    letter = json.loads(published["agents.reader.dead-letter"])["data"]
    assert set(letter) == set(schemas["agents.reader.dead-letter"]["properties"])


def test_a_version_that_is_taken_back_is_told_in_a_typed_and_documented_event_of_any_agent() -> None:
    """Nothing of it is written by the agent's author, and no class in domain/events names this agent."""
    one = TakenBack(
        prompt="read", version="1.1.0", baseline="1.0.0", share=10, revision=3, criterion="failures",
        because="worse", at="2026-11-22T00:00:00+00:00",
    )  # fmt: skip
    event = json.loads(rolled_back(READER.name, READER.rolled_back_topic, one).to_json())
    schema = payload_schemas([READER], [])["agents.reader.prompt.rolled-back"]
    jsonschema_rs.validate(envelope(), event)
    jsonschema_rs.validate(schema, event["data"])
    assert event["dataschema"] == schema["$id"]
    assert set(event["data"]) == set(schema["properties"])
    message = asyncapi([READER], "1.0.0", "127.0.0.1:6379")["components"]["messages"][event["type"]]
    assert message["payload"]["allOf"][1]["properties"]["data"] == {
        "$ref": "schemas/agents.reader.prompt.rolled-back.json"
    }


def test_check_names_what_drifted_and_the_cure_and_writing_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = {"docs/asyncapi.yaml": b"a: 1\n", "docs/schemas/x.json": b"{}\n"}
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "files", lambda _: current)
    (tmp_path / "docs" / "schemas").mkdir(parents=True)
    (tmp_path / "docs" / "schemas" / "gone.json").write_text("{}")
    (tmp_path / "docs" / "asyncapi.yaml").write_text("a: 1\n")
    (tmp_path / "docs" / "prompts.md").write_text("by hand")

    drifted = CliRunner().invoke(documents.command, ["--check"])

    assert drifted.exit_code == 1
    assert drifted.stderr.splitlines() == [
        "docs/schemas/x.json differs from the code; to mend it: python -m cli.documents",
        "docs/schemas/gone.json differs from the code; to mend it: python -m cli.documents",
    ]
    written = CliRunner().invoke(documents.command, [])
    assert written.stdout == "2 documents, 1 written, 1 removed\n"
    assert CliRunner().invoke(documents.command, ["--check"]).exit_code == 0
    assert (tmp_path / "docs" / "prompts.md").exists()


def test_a_command_in_dapr_yaml_that_names_no_agent_is_an_error_that_says_so() -> None:
    with pytest.raises(CommandError, match=r"'agents\.nobody:AGENT' names no agent"):
        documents.load_agent("agents.nobody:AGENT")


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def _leads_somewhere(reference: str, document: Any) -> bool:
    found = document
    for part in reference.removeprefix("#/").split("/"):
        if part not in found:
            return False
        found = found[part]
    return True
