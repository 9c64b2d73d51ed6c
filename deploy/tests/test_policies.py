"""What every environment keeps to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.local.manifest import read_manifest
from deploy.declared import ROOT
from deploy.tests.kinds import all_agents_and, container_of, environment_of, named, of_kind, pod_of, selects
from deploy.verify.chart import Document
from infrastructure.host.settings import Settings

Rendered = Callable[..., list[Document]]


def test_each_agent_of_dapr_yaml_has_one_of_everything(objects: list[Document]) -> None:
    apps = {app.app_id for app in read_manifest(ROOT / "dapr.yaml")}
    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "ScaledObject"):
        assert {found["metadata"]["name"] for found in of_kind(objects, kind)} == apps, kind
        assert len(of_kind(objects, kind)) == len(apps), kind


def test_no_two_objects_have_one_name(objects: list[Document]) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in objects]
    assert len(names) == len(set(names))


def test_no_image_is_called_latest_or_nothing(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        image = container_of(deployment)["image"]
        assert re.fullmatch(r"[^@:]+(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})", image), image


def test_staging_and_prod_run_a_digest(rendered: Rendered) -> None:
    for environment in ("staging", "prod"):
        for deployment in of_kind(rendered(environment), "Deployment"):
            assert "@sha256:" in container_of(deployment)["image"]


def test_nothing_runs_as_root_or_may_become_it(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        pod, container = pod_of(deployment)["spec"], container_of(deployment)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10_000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]


def test_app_and_sidecar_have_requests_and_limits(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        for share in ("requests", "limits"):
            assert {"cpu", "memory"} <= set(container_of(deployment)["resources"][share])
        annotations = pod_of(deployment)["metadata"]["annotations"]
        for key in ("cpu-request", "cpu-limit", "memory-request", "memory-limit"):
            assert annotations[f"dapr.io/sidecar-{key}"]


def test_a_scratch_volume_is_bounded(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        for volume in pod_of(deployment)["spec"]["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]


def test_every_pod_has_one_disruption_budget_and_one_service(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        labels = pod_of(deployment)["metadata"]["labels"]
        budgets = [
            budget
            for budget in of_kind(objects, "PodDisruptionBudget")
            if selects(budget["spec"]["selector"]["matchLabels"], labels)
        ]
        services = [
            service for service in of_kind(objects, "Service") if selects(service["spec"]["selector"], labels)
        ]
        assert len(budgets) == len(services) == 1
        assert budgets[0]["spec"]["maxUnavailable"] == 1


def test_every_agent_has_an_account_of_its_own_and_no_token_of_the_api_server(
    objects: list[Document],
) -> None:
    for deployment in of_kind(objects, "Deployment"):
        pod = pod_of(deployment)["spec"]
        account = named(objects, "ServiceAccount", deployment["metadata"]["name"])
        assert pod["serviceAccountName"] == account["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is False
        assert account["automountServiceAccountToken"] is False
        assert not of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding")


def test_on_azure_every_agent_has_a_managed_identity_of_its_own(rendered: Rendered) -> None:
    for environment in ("staging", "prod"):
        objects = rendered(environment)
        accounts = of_kind(objects, "ServiceAccount")
        ids = {
            account["metadata"]["annotations"]["azure.workload.identity/client-id"] for account in accounts
        }
        assert len(ids) == len(accounts)
        for deployment in of_kind(objects, "Deployment"):
            assert pod_of(deployment)["metadata"]["labels"]["azure.workload.identity/use"] == "true"


def test_probes_ask_what_needs_no_token_and_wait_for_the_slowest_check(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        container = container_of(deployment)
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert (
            container["readinessProbe"]["timeoutSeconds"] > 3
        )  # infrastructure/host/probes.py, CHECK_SECONDS


def test_replicas_spread_over_zones_and_nodes(rendered: Rendered, objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        pod = pod_of(deployment)
        (spread,) = pod["spec"]["topologySpreadConstraints"]
        assert (spread["topologyKey"], spread["maxSkew"]) == ("topology.kubernetes.io/zone", 1)
        assert selects(spread["labelSelector"]["matchLabels"], pod["metadata"]["labels"])
        (term,) = pod["spec"]["affinity"]["podAntiAffinity"][
            "preferredDuringSchedulingIgnoredDuringExecution"
        ]
        assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    for deployment in of_kind(rendered("prod"), "Deployment"):
        (spread,) = pod_of(deployment)["spec"]["topologySpreadConstraints"]
        assert spread["whenUnsatisfiable"] == "DoNotSchedule"


def test_no_replica_is_taken_away_before_another_is_ready(objects: list[Document]) -> None:
    for deployment in of_kind(objects, "Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_one_scaler_decides_by_cpu_memory_and_what_waits_in_each_topic(rendered: Rendered) -> None:
    objects = rendered("prod")
    for deployment in of_kind(objects, "Deployment"):
        assert "replicas" not in deployment["spec"]
    scaler = named(objects, "ScaledObject", "implementation")["spec"]
    assert scaler["scaleTargetRef"] == {"name": "implementation"}
    assert (scaler["minReplicaCount"], scaler["maxReplicaCount"]) == (3, 10)
    assert [(trigger["type"], trigger["metadata"].get("value")) for trigger in scaler["triggers"]] == [
        ("cpu", "70"),
        ("memory", "80"),
        ("azure-servicebus", None),
        ("azure-servicebus", None),
    ]
    assert scaler["triggers"][2]["metadata"] == {
        "namespace": "example",
        "topicName": "agents.testplanning.spec.generated",
        "subscriptionName": "implementation",
        "messageCount": "64",
    }
    authentication = named(objects, "TriggerAuthentication", "implementation")["spec"]["podIdentity"]
    assert authentication == {
        "provider": "azure-workload",
        "identityId": "44444444-4444-4444-8444-444444444444",
    }


def test_the_broker_on_redis_is_asked_for_the_lag_of_the_agents_group(rendered: Rendered) -> None:
    triggers = named(rendered("dev"), "ScaledObject", "test-planning")["spec"]["triggers"]
    assert triggers[2:] == [
        {
            "type": "redis-streams",
            "metadata": {
                "address": "redis-master.redis.svc.cluster.local:6379",
                "stream": "agents.testplanning.execution.requested",
                "consumerGroup": "test-planning",
                "lagCount": "64",
            },
        }
    ]


def test_a_password_of_redis_reaches_component_and_scaler_from_a_secret(rendered: Rendered) -> None:
    at = "components.redis.agents-pubsub.redisPassword.secretKeyRef"
    objects = rendered("dev", f"{at}.name=redis", f"{at}.key=password")
    metadata = named(objects, "Component", "agents-pubsub")["spec"]["metadata"]
    assert {"name": "redisPassword", "secretKeyRef": {"name": "redis", "key": "password"}} in metadata
    authentication = named(objects, "TriggerAuthentication", "devops")["spec"]
    assert authentication["secretTargetRef"] == [
        {"parameter": "password", "name": "redis", "key": "password"}
    ]


def test_no_secret_is_written_down(objects: list[Document]) -> None:
    assert not of_kind(objects, "Secret")
    for deployment in of_kind(objects, "Deployment"):
        for entry in container_of(deployment)["env"]:
            if re.search("TOKEN|KEY$|PASSWORD|SECRET", entry["name"]):
                assert "value" not in entry, entry["name"]


def test_the_app_takes_the_settings_that_it_is_given(
    objects: list[Document], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    known = {str(field.validation_alias) for field in Settings.model_fields.values()} | {"XDG_CACHE_HOME"}
    known |= set(re.findall(r"\$\{(\w+)", (ROOT / "models/azure.yaml").read_text()))
    for deployment in of_kind(objects, "Deployment"):
        given = environment_of(deployment)
        assert set(given) <= known
        with monkeypatch.context() as environment:
            for name, value in given.items():
                environment.setenv(name, value if isinstance(value, str) else "a-token-from-a-secret")
            settings = Settings()
        assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104 - a pod's own network
        assert settings.asks_for_login


def test_callers_log_in_at_the_issuer_by_keys_or_not_at_all(rendered: Rendered) -> None:
    def login(environment: str, *values: str) -> tuple[object, object, object]:
        deployment = of_kind(rendered(environment, *values), "Deployment")[0]
        given = environment_of(deployment)
        volumes = {volume["name"]: volume for volume in pod_of(deployment)["spec"]["volumes"]}
        return given.get("AGENTS_OIDC_AUDIENCE"), given.get("AGENTS_API_KEYS"), volumes.get("keys")

    assert login("prod") == ("88888888-8888-4888-8888-888888888888", None, None)
    nobody = {"name": "keys", "configMap": {"name": "agents-no-keys"}}
    assert login("dev") == (None, "/etc/keys/keys.yaml", nobody)
    assert named(rendered("dev"), "ConfigMap", "agents-no-keys")["data"] == {"keys.yaml": "keys: []\n"}
    of_secret = {"secretName": "keys", "items": [{"key": "keys.yaml", "path": "keys.yaml"}]}
    assert login("dev", "login.keysSecret=keys")[1:] == (
        "/etc/keys/keys.yaml",
        {"name": "keys", "secret": of_secret},
    )


def test_an_agent_that_is_not_exposed_has_no_route(rendered: Rendered) -> None:
    def backends(*values: str) -> set[str]:
        (route,) = of_kind(rendered("prod", *values), "HTTPRoute")
        return {rule["backendRefs"][0]["name"] for rule in route["spec"]["rules"]}

    assert "devops" in backends()
    assert backends(*all_agents_and("agents[1].exposed=false")) == backends() - {"devops"}


def test_people_come_by_tls_and_to_the_api_alone(rendered: Rendered) -> None:
    (ingress,) = of_kind(rendered("staging"), "Ingress")
    assert ingress["spec"]["tls"] == [{"hosts": ["agents.example.com"], "secretName": "agents-tls"}]
    paths: list[Any] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert all(path["path"] == f"/api/{path['backend']['service']['name']}/" for path in paths)
    assert len(paths) == 5
