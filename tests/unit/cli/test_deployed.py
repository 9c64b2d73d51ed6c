"""What Azure is given follows from the declarations."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from agents.runtime.agent import Agent
from cli import documents
from cli.deployed import (
    GENERATED,
    bicep_of,
    deployed,
    manifest_on_postgres,
    manifest_on_stand_ins,
    topology,
)
from cli.local.manifest import read_manifest
from tests.unit.cli.two_agents import PLANNER, READER

ROOT = Path(__file__).parents[3]


def agents() -> list[Agent]:
    return [documents.load_agent(app.command[-1]) for app in read_manifest(ROOT / "dapr.yaml")]


def test_every_topic_is_there_with_those_that_receive_it() -> None:
    found = topology([PLANNER, READER])
    for agent in (PLANNER, READER):
        for topic in agent.subscribed_topics:
            assert agent.name in found[topic]
        published = {event.event_type for event in agent.emits}
        assert {
            *published,
            agent.dead_letter_topic,
            agent.budget_topic,
            agent.rolled_back_topic,
        } <= found.keys()
    subscribed = {topic for agent in (PLANNER, READER) for topic in agent.subscribed_topics}
    assert {topic for topic, receivers in found.items() if receivers} == subscribed


def test_what_is_kept_follows_from_the_declarations() -> None:
    for name, content in deployed(ROOT, agents()).items():
        assert (ROOT / name).read_bytes() == content, f"{name}: python -m cli.documents"


def test_the_bicep_names_every_topic_and_every_subscription_at_its_topic() -> None:
    found = topology(agents())
    text = bicep_of(found)
    topics = re.findall(r"^  '(.+)'$", text, re.MULTILINE)
    pairs = re.findall(r"topic: (\d+), receiver: '(.+)' } // (\S+)", text)
    assert topics == list(found)
    assert [(topics[int(index)], receiver) for index, receiver, _ in pairs] == [
        (topic, receiver) for topic, receivers in found.items() for receiver in receivers
    ]
    assert all(topics[int(index)] == told for index, _, told in pairs)


def test_the_stand_in_and_the_bicep_agree_on_locks_and_deliveries() -> None:
    made = deployed(ROOT, agents())
    servicebus = json.loads(made["components/azure-stand-ins/servicebus.json"])
    settings = {
        tuple(one.values())
        for topic in servicebus["topics"].values()
        for one in topic["subscriptions"].values()
    }
    assert settings == {(2000, 5)}
    bicep = made["deploy/bicep/modules/topics.bicep"].decode()
    assert "maxDeliveryCount: 2000" in bicep
    assert "lockDuration: 'PT5S'" in bicep


def test_a_lock_outlives_the_pause_between_two_renewals() -> None:
    for folder in ("azure", "azure-stand-ins"):
        pubsub = yaml.safe_load((ROOT / "components" / folder / "pubsub.yaml").read_text())
        metadata = {one["name"]: one.get("value") for one in pubsub["spec"]["metadata"]}
        assert 2 * int(metadata["lockRenewalInSec"]) < 5
        assert metadata["disableEntityManagement"] == "true"


def test_the_manifest_differs_by_components_and_settings_alone() -> None:
    usual = yaml.safe_load((ROOT / "dapr.yaml").read_text())
    other = yaml.safe_load(manifest_on_stand_ins((ROOT / "dapr.yaml").read_text()))
    assert other["apps"] == usual["apps"]
    changed = {key for key in other["common"] if other["common"].get(key) != usual["common"].get(key)}
    assert changed == {"env", "resourcesPaths", "configFilePath"}


def test_the_manifest_on_postgres_differs_by_components_alone() -> None:
    usual = yaml.safe_load((ROOT / "dapr.yaml").read_text())
    other = yaml.safe_load(manifest_on_postgres((ROOT / "dapr.yaml").read_text()))
    usual["common"] |= {
        "resourcesPaths": ["components/postgres"],
        "configFilePath": "components/postgres/config.yaml",
    }
    assert other == usual


@pytest.mark.parametrize("name", GENERATED)
def test_a_file_that_has_drifted_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = documents._holds
    monkeypatch.setattr(
        documents, "_holds", lambda path, content: before(path, content) and path != ROOT / name
    )
    with pytest.raises(SystemExit) as ended:
        documents.command(["--check"])
    assert ended.value.code == 1
    assert f"{name} differs from the code; to mend it: python -m cli.documents" in capsys.readouterr().err
