"""Dapr's resources: what the repository declares, with scopes and ACLs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from cli.local.manifest import read_manifest
from deploy.declared import ROOT
from deploy.tests.kinds import all_agents_and, named, of_kind, pod_of
from deploy.verify.chart import Document
from tests.support.scopes import sidecar_limits, topic_scopes

Rendered = Callable[..., list[Document]]
SETS = {"dev": "redis", "staging": "azure", "prod": "azure"}


def test_components_are_those_of_the_repository_but_for_what_the_cluster_knows(rendered: Rendered) -> None:
    for environment, folder in SETS.items():
        declared = [
            yaml.safe_load(path.read_text()) for path in (ROOT / "components" / folder).glob("*.yaml")
        ]
        components = of_kind(rendered(environment), "Component")
        assert {found["metadata"]["name"] for found in components} == {
            found["metadata"]["name"] for found in declared if found["kind"] == "Component"
        }
        for component in declared:
            if component["kind"] != "Component":
                continue
            made = named(components, "Component", component["metadata"]["name"])
            assert made["spec"]["type"] == component["spec"]["type"]
            values = {entry["name"]: entry.get("value") for entry in made["spec"]["metadata"]}
            for entry in component["spec"]["metadata"]:
                if "envRef" in entry:
                    assert values[entry["name"]]
                elif entry["name"] != "redisHost":
                    assert values[entry["name"]] == entry["value"]


def test_nothing_in_a_component_is_a_key_or_asks_the_environment(objects: list[Document]) -> None:
    for component in of_kind(objects, "Component"):
        for entry in component["spec"]["metadata"]:
            assert entry["name"] not in {"connectionString", "masterKey", "azureClientSecret", "accountKey"}
            assert "envRef" not in entry
            assert "127.0.0.1" not in str(entry)


def test_documents_in_postgresql_take_the_connection_from_a_secret_and_events_stay_with_redis(
    rendered: Rendered,
) -> None:
    objects = rendered("dev", "components.set=postgres")
    store = named(objects, "Component", "agents-statestore")["spec"]
    assert (store["type"], store["version"]) == ("state.postgresql", "v2")
    secret = {"name": "agents-postgres", "key": "connectionString"}
    assert {"name": "connectionString", "secretKeyRef": secret} in store["metadata"]
    assert {"name": "actorStateStore", "value": "true"} in store["metadata"]
    assert named(objects, "Component", "agents-pubsub")["spec"]["type"] == "pubsub.redis"


def test_components_are_for_the_agents_alone(objects: list[Document]) -> None:
    apps = [app.app_id for app in read_manifest(ROOT / "dapr.yaml")]
    for component in of_kind(objects, "Component"):
        assert component["scopes"] == apps


def test_an_agent_may_publish_and_receive_what_it_declares_and_nothing_else(rendered: Rendered) -> None:
    for environment in SETS:
        scopes = _topic_scopes(rendered(environment))
        assert scopes["publishingScopes"]["test-planning"] == [
            "agents.testplanning.coverage.analyzed",
            "agents.testplanning.spec.generated",
            "agents.testplanning.strategy.created",
            "agents.testplanning.execution.requested",
            "agents.testplanning.dead-letter",
            "agents.testplanning.prompt.rolled-back",
            "agents.testplanning.budget.exceeded",
        ]
        assert scopes["subscriptionScopes"]["test-planning"] == ["agents.testplanning.execution.requested"]
        for agent, topics in scopes["publishingScopes"].items():
            assert all(topic.startswith(f"agents.{agent.replace('-', '')}.") for topic in topics)


def test_the_abuse_suite_runs_against_what_the_chart_renders(rendered: Rendered) -> None:
    """It makes these limits without Helm, which not every machine has."""
    for environment in SETS:
        objects = rendered(environment)
        made = named(objects, "Component", "agents-pubsub")["spec"]["metadata"]
        values = {entry["name"]: entry.get("value") for entry in made}
        assert topic_scopes().items() <= values.items()
        spec = named(objects, "Configuration", "agents")["spec"]
        assert sidecar_limits().items() <= spec.items()


def test_a_foreign_agent_comes_with_its_topics(rendered: Rendered) -> None:
    entry = (
        "name=translation",
        "target=translation:AGENT",
        "publishes={agents.translation.text.translated}",
        "subscribes={agents.translation.execution.requested}",
    )
    objects = rendered("dev", *all_agents_and(*(f"agents[5].{part}" for part in entry)))
    assert _topic_scopes(objects)["publishingScopes"]["translation"] == ["agents.translation.text.translated"]
    named(objects, "ScaledObject", "translation")
    (agent,) = [
        found for found in of_kind(objects, "Deployment") if found["metadata"]["name"] == "translation"
    ]
    assert pod_of(agent)["spec"]["containers"][0]["args"] == ["translation:AGENT"]


def test_nobody_may_invoke_an_agent_through_its_sidecar(objects: list[Document]) -> None:
    control = named(objects, "Configuration", "agents")["spec"]["accessControl"]
    assert control == {"defaultAction": "deny", "trustDomain": "public"}


def test_a_sidecar_answers_what_the_runtime_asks_and_gives_out_no_secrets(objects: list[Document]) -> None:
    spec = named(objects, "Configuration", "agents")["spec"]
    assert {rule["name"] for rule in spec["api"]["allowed"]} == {"state", "publish", "subscribe", "metadata"}
    assert spec["secrets"]["scopes"] == [{"storeName": "agents-secrets", "defaultAccess": "deny"}]
    assert "mtls" not in spec  # the laptop's file switches it off; in a cluster it is the control plane's


def test_sidecars_take_tokens_both_ways_and_messages_as_large_as_on_a_laptop(objects: list[Document]) -> None:
    largest = {app.max_body_size for app in read_manifest(ROOT / "dapr.yaml")}
    for deployment in of_kind(objects, "Deployment"):
        annotations = pod_of(deployment)["metadata"]["annotations"]
        assert annotations["dapr.io/app-id"] == deployment["metadata"]["name"]
        assert annotations["dapr.io/config"] == "agents"
        assert annotations["dapr.io/api-token-secret"]
        assert annotations["dapr.io/app-token-secret"]
        assert {annotations["dapr.io/max-body-size"]} == largest


def test_no_subscription_is_declared_since_the_app_opens_its_streams_itself(objects: list[Document]) -> None:
    """A declared one would deliver every event a second time, over the route that loses some (docs/adr/0003)."""
    assert not of_kind(objects, "Subscription")
    for deployment in of_kind(objects, "Deployment"):
        assert "AGENTS_DELIVERY" not in str(deployment)


def test_a_change_of_the_components_starts_new_pods_and_a_new_chart_version_does_not(
    rendered: Rendered,
) -> None:
    def checksum(*values: str) -> str:
        deployment = named(rendered("dev", *values), "Deployment", "devops")
        found: str = pod_of(deployment)["metadata"]["annotations"]["checksum/components"]
        return found

    assert checksum() == checksum("image.tag=9.9.9")
    assert checksum() != checksum("components.redis.agents-pubsub.redisHost=other:6379")


def test_a_resiliency_of_ones_own_is_for_all_agents(rendered: Rendered) -> None:
    objects = rendered(
        "dev", "dapr.resiliency.policies.timeouts.short=5s", "dapr.resiliency.targets.apps.x.timeout=short"
    )
    (resiliency,) = of_kind(objects, "Resiliency")
    assert resiliency["spec"]["targets"] == {"apps": {"x": {"timeout": "short"}}}
    assert len(resiliency["scopes"]) == 5


def _topic_scopes(objects: list[Document]) -> dict[str, dict[str, list[str]]]:
    metadata: list[dict[str, Any]] = named(objects, "Component", "agents-pubsub")["spec"]["metadata"]
    return {
        entry["name"]: {
            agent: topics.split(",")
            for agent, _, topics in (part.partition("=") for part in entry["value"].split(";"))
        }
        for entry in metadata
        if entry["name"].endswith("Scopes")
    }
