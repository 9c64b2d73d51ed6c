from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cli.errors import CommandError
from deploy.bicep_outputs import Outputs, read
from deploy.declared import ROOT
from deploy.outputs import command, merged, values_of
from infrastructure.llm.catalogue.file import load_catalogue
from tests.support.deployment import AGENTS, outputs

MAIN = ROOT / "deploy/bicep/main.bicep"
WEST, NORTH = outputs()["openAi"]["value"]
DEVOPS, IMPLEMENTATION, *_ = outputs()["identities"]["value"]


def made(*options: str, **changes: Any) -> dict[str, Any]:
    ran = CliRunner().invoke(
        command, ["-", *options], input=json.dumps(outputs(**changes)), catch_exceptions=False
    )
    assert ran.exit_code == 0
    values: dict[str, Any] = yaml.safe_load(ran.output)
    return values


def refusal(*options: str, **changes: Any) -> str:
    with pytest.raises(CommandError) as refused:
        CliRunner().invoke(
            command,
            ["-", *options],
            input=json.dumps(outputs(**changes)),
            catch_exceptions=False,
            standalone_mode=False,
        )
    return refused.value.message


def test_every_output_of_the_bicep_is_read_and_no_other_is_asked_for() -> None:
    given = re.findall(r"^output (\w+)", MAIN.read_text(), re.MULTILINE)
    assert sorted(given) == sorted(field.alias or name for name, field in Outputs.model_fields.items())


def test_what_prod_gives_out_becomes_values() -> None:
    digest = "sha256:" + "7" * 64
    assert made("--digest", digest) == {
        "image": {"repository": "agentsprodabc123.azurecr.io/my-agents", "digest": digest},
        "identities": {agent: f"{number}" * 8 + "-1111-4111-8111-111111111111" for number, agent in AGENTS},
        "env": {
            "AZURE_OPENAI_ENDPOINT": "https://west.openai.azure.com",
            "AZURE_OPENAI_DEPLOYMENT": "gpt-4o-mini",
            "AZURE_WEST": "https://west.openai.azure.com",
            "AZURE_WEST_DEPLOYMENT": "gpt-4o-mini",
            "AZURE_NORTH": "https://north.openai.azure.com",
            "AZURE_NORTH_DEPLOYMENT": "gpt-4o-mini",
        },
        "components": {
            "set": "azure",
            "azure": {
                "agents-pubsub": {"namespaceName": "sb-agents-prod-abc123.servicebus.windows.net"},
                "agents-statestore": {
                    "url": "https://cosmos-agents-prod-abc123.documents.azure.com:443/",
                    "database": "agents",
                    "collection": "agents-statestore",
                },
                "agents-secrets": {"vaultName": "kv-agents-prod-abc123"},
            },
        },
        "secrets": {
            "source": "keyVault",
            "keyVault": {
                "name": "kv-agents-prod-abc123",
                "tenantId": "99999999-9999-4999-8999-999999999999",
            },
        },
        "login": {
            "issuer": "https://login.microsoftonline.com/99999999-9999-4999-8999-999999999999/v2.0",
            "audience": "88888888-8888-4888-8888-888888888888",
        },
        "expose": {"host": "agents.example.com"},
    }


def test_the_example_of_the_chart_has_the_form_that_this_makes() -> None:
    example = yaml.safe_load((ROOT / "deploy/helm/agents/examples/azure.yaml").read_text())
    values = made("--digest", example["image"]["digest"])

    def paths(tree: Any, at: str = "") -> set[str]:
        if not isinstance(tree, dict):
            return {at}
        return {path for key, part in tree.items() for path in paths(part, f"{at}.{key}")}

    assert paths(example) <= paths(values)


def test_the_models_file_needs_nothing_but_these_values_and_asks_the_regions_in_their_order() -> None:
    models = load_catalogue(ROOT / "models/azure.yaml", made()["env"])
    chain = [
        models.models[name].address
        for name in models.chain_of(models.routes("notification")["default"].model)
    ]
    assert chain == ["https://west.openai.azure.com", "https://north.openai.azure.com"]


def test_one_region_is_enough_for_the_models_file_of_one_region() -> None:
    models = load_catalogue(ROOT / "models/azure-one-region.yaml", made(openAi=[WEST])["env"])
    assert models.chain_of(models.routes("notification")["default"].model) == ["west"]


def test_the_models_files_of_one_and_two_regions_differ_in_the_second_region_alone() -> None:
    one, two = (
        yaml.safe_load((ROOT / f"models/{name}.yaml").read_text()) for name in ("azure-one-region", "azure")
    )
    del two["models"]["north"]
    del two["models"]["west"]["fallbacks"]
    del two["models"]["west"]["timeout"]  # it bounds what a call may take while a fallback is left
    assert one == two


def test_dev_gets_managed_redis_by_identity_and_a_way_out_to_it() -> None:
    values = made(environmentName="dev", components="redis", redis="r.redis.azure.net:10000", openAi=[])
    login = {"redisHost": "r.redis.azure.net:10000", "enableTLS": "true", "useEntraID": "true"}
    assert values["components"] == {
        "set": "redis",
        "redis": {"agents-pubsub": login, "agents-statestore": login},
    }
    assert values["env"] == {}
    assert values["secrets"]["source"] == "keyVault"
    assert values["agentDefaults"] == {"autoscaling": {"enabled": False}}
    assert [(way["to"], way["ports"]) for way in values["network"]["egress"]] == [
        ("Managed Redis", [10000]),
        ("Ollama", [11434]),
        ("Microsoft Entra ID, which no private endpoint has", [443]),
    ]


def test_addresses_that_the_network_policies_do_not_reach_are_refused() -> None:
    said = refusal(endpointsPrefix="10.30.4.0/24")
    assert (
        "endpointsPrefix: 10.30.4.0/24 is not in network.egress of deploy/helm/agents/values-prod.yaml"
        in said
    )
    assert "make the two alike" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serviceBus": ""}, "serviceBus: is empty, and the components azure need it"),
        ({"cosmosUrl": ""}, "cosmosUrl: is empty, and the components azure need it"),
        ({"components": "redis"}, "redis: is empty, and the components redis need it"),
    ],
)
def test_components_that_would_have_no_address_are_refused(changes: dict[str, Any], said: str) -> None:
    assert said in refusal(**changes)


def test_an_environment_whose_value_file_says_nothing_of_the_network_has_the_charts_own() -> None:
    assert "is not in network.egress of deploy/helm/agents/values-dev.yaml" in refusal(environmentName="dev")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}".encode("utf-16"), "not UTF-8"),  # as PowerShell writes it
        (b"[" * 3_000, "not the outputs of a deployment"),
        (b'{"a": {"value": 2026-99-99}}', "not the outputs of a deployment"),
    ],
)
def test_a_file_that_is_no_text_of_ours_is_refused_without_a_traceback(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "outputs.json"
    file.write_bytes(content)
    ran = CliRunner().invoke(command, [str(file)], standalone_mode=False)
    assert isinstance(ran.exception, CommandError)
    assert ran.exception.message.startswith(f"{file}: {said}")


def test_a_byte_order_mark_is_no_part_of_the_outputs() -> None:
    assert read("\ufeff" + json.dumps(outputs()), "outputs.json").host == "agents.example.com"


def test_the_bicep_and_the_value_files_name_the_same_addresses() -> None:
    assert "param endpointsPrefix string = '10.20.4.0/24'" in MAIN.read_text()
    assert made(endpointsPrefix="10.20.4.0/24")


def test_an_agent_without_an_identity_is_refused() -> None:
    assert "identities: devops has none; deploy deploy/bicep/main.bicep again" in refusal(identities=[])


def test_what_the_chart_would_refuse_is_refused_here() -> None:
    assert 'image.digest: "latest" does not match' in refusal("--digest", "latest")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"registry": "agents prod.azurecr.io"},
            "registry: 'agents prod.azurecr.io' does not look like NAME.azurecr.io",
        ),
        (
            {"registry": "https://agentsprod.azurecr.io"},
            "registry: 'https://agentsprod.azurecr.io' does not look like",
        ),
        ({"keyVault": "kv_agents"}, "keyVault: 'kv_agents' does not look like kv-agents-prod-abc123"),
        ({"tenantId": "tenant"}, "tenantId: 'tenant' does not look like 00000000-0000"),
        (
            {"loginIssuer": "login.example.com"},
            "loginIssuer: 'login.example.com' does not look like https://",
        ),
        (
            {"loginAudience": "two words"},
            "loginAudience: 'two words' does not look like the id of an application",
        ),
        ({"host": "agents example"}, "host: 'agents example' does not look like agents.example.com"),
        ({"endpointsPrefix": "10.20.4.1/24"}, "endpointsPrefix: 10.20.4.1/24 has host bits set"),
        (
            {"serviceBus": "sb agents"},
            "serviceBus: 'sb agents' does not look like NAME.servicebus.windows.net",
        ),
        ({"cosmosUrl": "cosmos.example.com"}, "cosmosUrl: 'cosmos.example.com' does not look like https://"),
        ({"redis": "r.redis.azure.net"}, "redis: 'r.redis.azure.net' does not look like NAME.REGION.redis"),
        (
            {"identities": [DEVOPS, {**DEVOPS, "clientId": IMPLEMENTATION["clientId"]}]},
            "identities: devops has 2, 11111111-1111-4111-8111-111111111111 and 22222222-1111-4111-8111-111111111111",
        ),
        (
            {"identities": [DEVOPS, {**IMPLEMENTATION, "clientId": DEVOPS["clientId"]}]},
            "identities: 11111111-1111-4111-8111-111111111111 is that of devops and implementation; each agent has",
        ),
        (
            {"identities": [{**DEVOPS, "clientId": "devops"}]},
            "identities.0.clientId: 'devops' does not look like",
        ),
        (
            {"openAi": [WEST, NORTH, {**NORTH, "endpoint": "https://south.openai.azure.com"}]},
            "openAi: 3 regions, and models/azure.yaml asks 2; openAiRegions takes no more",
        ),
        (
            {"openAi": [WEST, WEST]},
            "openAi: https://west.openai.azure.com is there twice, and would be its own fallback",
        ),
        (
            {"openAi": [{**WEST, "endpoint": "https://west"}]},
            "openAi.0.endpoint: 'https://west' does not look like",
        ),
        (
            {"openAi": [{**WEST, "deployment": "gpt 4o"}]},
            "openAi.0.deployment: 'gpt 4o' does not look like gpt-4o-mini",
        ),
    ],
)
def test_an_output_that_no_deployment_gives_is_named_with_its_place(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError) as refused:
        read(json.dumps(outputs(**changes)), "outputs.json")
    assert f"outputs.json: {said}" in refused.value.message
    assert (
        "nothing was written; deploy deploy/bicep/main.bicep of this version, then: az" in refused.value.hint
    )


def test_all_that_is_wrong_with_the_outputs_is_said_at_once() -> None:
    assert refusal(registry="a b", host="c d").splitlines() == [
        "<stdin>: registry: 'a b' does not look like NAME.azurecr.io",
        "<stdin>: host: 'c d' does not look like agents.example.com",
    ]


def test_identities_of_another_version_are_named() -> None:
    other = {"agent": "release-notes", "clientId": "66666666-1111-4111-8111-111111111111"}
    said = refusal(identities=[*outputs()["identities"]["value"], other])
    assert (
        said
        == "- identities: release-notes is no agent of this repository; the outputs are of another version of it"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not the outputs of a deployment"),
        ("[]", "not the outputs of a deployment"),
        ('{"host": "agents.example.com"}', "not the outputs of a deployment"),
        ('{"host": {"value": "x"', "line 1"),
        ('{"host": {"value": ""}}', "outputs.json: host: '' does not look like agents.example.com"),
        ('{"host": {"value": "x"}}', "outputs.json: keyVault: Field required"),
        ('{"hosts": {"value": "x"}}', "outputs.json: hosts: Extra inputs are not permitted"),
    ],
)
def test_another_file_is_refused_with_what_is_wrong_in_it(text: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        read(text, "outputs.json")
    assert said in refused.value.message
    assert "az deployment group show" in refused.value.hint


def test_values_are_merged_as_helm_does_it() -> None:
    under = {"a": {"b": 1, "c": [1, 2]}, "d": 4, "e": 5}
    assert merged(under, {"a": {"c": [3]}, "d": None, "e": {"f": 6}}) == {
        "a": {"b": 1, "c": [3]},
        "e": {"f": 6},
    }


def test_as_a_command_it_says_what_is_wrong_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text("{}")
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.outputs", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (6, "")
    assert f"error: {file}: environmentName: Field required" in ran.stderr


def test_the_values_stay_the_same_without_a_digest() -> None:
    assert values_of(read(json.dumps(outputs()), "x"), None)["image"] == {
        "repository": "agentsprodabc123.azurecr.io/my-agents"
    }
