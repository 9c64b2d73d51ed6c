"""Wrong values stop `helm template` and say what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.errors import CommandError
from deploy.declared import CHART, ROOT
from deploy.verify.chart import helm as run_helm
from deploy.verify.chart import template

Refusal = Callable[..., str]


@pytest.mark.parametrize(
    ("value", "where", "key"),
    [
        ("replicas=3", "at ''", "'replicas'"),
        ("image.digets=x", "at '/image'", "'digets'"),
        ("agents[0].name=devops,agents[0].memmory=1Gi", "at '/agents/0'", "'memmory'"),
        ("agentDefaults.autoscaling.minimum=1", "at '/agentDefaults/autoscaling'", "'minimum'"),
        ("network.egress[0].too=x", "at '/network/egress/0'", "'too'"),
    ],
)
def test_an_unknown_key_is_named_with_its_place(refusal: Refusal, value: str, where: str, key: str) -> None:
    said = refusal("dev", f"--set={value}")
    assert where in said
    assert f"additional properties {key} not allowed" in said


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("image.digest=abc", "/image/digest"),
        ("environment=production", "/environment"),
        ("agents[0].name=Not_A_Label", "/agents/0/name"),
        ("identities.devops=nobody", "/identities/devops"),
        ("agentDefaults.resources.limits.memory=1", "/agentDefaults/resources/limits/memory"),
        ("shutdown.settle=1", "/shutdown/settle"),
    ],
)
def test_a_value_of_the_wrong_form_is_named_with_its_place(refusal: Refusal, value: str, where: str) -> None:
    assert f"at '{where}'" in refusal("dev", f"--set={value}")


def test_two_agents_with_one_app_id_are_refused(refusal: Refusal) -> None:
    said = refusal("dev", "--set=agents[0].name=devops,agents[1].name=notification,agents[2].name=devops")
    assert '- agents[2].name: the app-id "devops" is agents[0]\'s already' in said
    assert "give one of them another name" in said


def test_an_agent_that_nobody_has_written_is_refused(refusal: Refusal) -> None:
    said = refusal("dev", "--set=agents[0].name=devopps")
    assert (
        '- agents[0].name: "devopps" is no agent of this repository (it has devops, implementation,' in said
    )
    assert "run `python -m deploy.declared`" in said


def test_prod_alone_says_everything_that_is_missing_at_once(helm: Path) -> None:
    chart = str(ROOT / CHART)
    with pytest.raises(Exception, match="cannot be rendered with these values") as refused:
        run_helm(helm, "template", "agents", chart, "--values", f"{chart}/values-prod.yaml")
    said = str(refused.value)
    for where in (
        "identities.notification: is missing",
        "identities.service-desk: is missing",
        "image.digest: is missing, and in prod a tag may be moved under running pods; give the digest",
        "secrets.keyVault.name: is missing, and without it there are no API tokens; give",
        "secrets.keyVault.tenantId: is missing",
        "models: is missing, and notification, devops, test-planning, implementation, service-desk would ask",
        "components.azure.agents-pubsub.namespaceName: is empty; give its value",
        "components.azure.agents-statestore.url: is empty",
        "expose.host: is missing; give",
    ):
        assert f"- {where}" in said


@pytest.mark.parametrize(
    ("environment", "value", "said"),
    [
        ("prod", "image.digest=", "image.digest: is missing"),
        ("prod", "secrets.source=existing", "set secrets.source: keyVault"),
        (
            "prod",
            "login.issuer=,login.audience=",
            "login.issuer: is missing, and in prod callers log in; give",
        ),
        ("staging", "login.audience=", "login: issuer and audience belong together"),
        ("prod", "network.enabled=false", "network.enabled: is false"),
        ("prod", "agentDefaults.autoscaling.min=2", "autoscaling of devops: prod needs at least 3 replicas"),
        ("dev", "image.tag=latest", "image.tag: latest is another image tomorrow; name a version"),
        ("dev", "agentDefaults.autoscaling.min=5", "min 5 is above max 3; lower min or raise max"),
        ("dev", "timing.redeliveryAfter=4", "offers a message again after its processingTimeout, 3000 ms"),
        (
            "staging",
            "timing.redeliveryAfter=3",
            "timing.lease: 3 s is above 80 % of timing.redeliveryAfter (3 s)",
        ),
        ("dev", "shutdown.grace=1", "shutdown.grace: 1 s is below timing.lease (2 s)"),
        ("staging", "expose.ingress.tlsSecret=", "API tokens would travel in the clear"),
        ("prod", "expose.gateway.name=", "expose.gateway: name or namespace is missing"),
        ("dev", "components.redis.agents-store.x=y", "there is no such component in components/redis"),
        ("dev", "components.redis.agents-pubsub.redisHost=", "agents-pubsub.redisHost: is empty"),
        ("prod", "identities.devop=11111111-1111-4111-8111-111111111111", "no agent has this name"),
        (
            "dev",
            "network.egress[0].to=all,network.egress[0].cidrs={0.0.0.0/0},network.egress[0].ports={443}",
            "0.0.0.0/0 includes the node's metadata service",
        ),
        (
            "dev",
            "network.egress[0].to=x,network.egress[0].ports={443}",
            "leads nowhere; give namespace or cidrs",
        ),
        (
            "dev",
            "dapr.resiliency.targets.components.agents-pubsub.inbound.retry=x",
            "an inbound policy, or one on the state store, repeats what the agents count themselves",
        ),
        (
            "dev",
            "dapr.resiliency.targets.components.agents-statestore.outbound.retry=x",
            "agents-statestore: an inbound policy, or one on the state store",
        ),
        ("dev", "secrets.env.OPENAI_API_KEY=key", "names no key of a Secret; write it as secret/key"),
        ("dev", "secrets.source=keyVault", "secrets.keyVault.name: is missing"),
        ("dev", "secrets.source=keyVault", "identities.devops: is missing, and without a managed identity"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    refusal: Refusal, environment: str, value: str, said: str
) -> None:
    assert said in refusal(environment, f"--set={value}")


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_azure_openai_without_a_models_file_is_refused_with_the_option_that_was_forgotten(
    helm: Path, environment: str
) -> None:
    chart = str(ROOT / CHART)
    files = [f"--values={chart}/{name}" for name in (f"values-{environment}.yaml", "examples/azure.yaml")]
    with pytest.raises(CommandError) as refused:
        run_helm(helm, "template", "agents", chart, *files)
    said = refused.value.message
    assert said.count("\n- ") == 1
    assert "- models: is missing, and notification, devops, test-planning" in said
    assert "at every upgrade too: --set-file models=models/azure.yaml" in said


def test_one_agent_alone_on_azure_openai_needs_the_models_file_too(refusal: Refusal) -> None:
    said = refusal("dev", "--set=agents[0].name=devops,agents[0].env.LLM_PROVIDER=azure-openai")
    assert "- models: is missing, and devops would ask Azure OpenAI" in said


def test_the_models_file_of_two_regions_is_refused_where_there_is_one(refusal: Refusal, helm: Path) -> None:
    one_region = "--set=env.AZURE_NORTH=null,env.AZURE_NORTH_DEPLOYMENT=null"
    said = refusal("prod", one_region)
    assert said.count("- models:") == 1
    assert "- models: asks for AZURE_NORTH, which not every agent has in its env" in said
    assert "--set-file models=models/azure-one-region.yaml" in said
    assert "AZURE_WEST" in template(
        helm, "prod", [one_region, f"--set-file=models={ROOT / 'models/azure-one-region.yaml'}"]
    )


def test_a_variable_that_is_a_secret_or_in_a_comment_does_not_hold_the_models_file_up(
    tmp_path: Path, helm: Path
) -> None:
    models = tmp_path / "models.yaml"
    models.write_text(
        "# ${NOBODY}\nmodels: {one: {address: '${FROM_VAULT}', model: '${OR:-other}'}} # ${NOR}\n"
    )
    options = [f"--set-file=models={models}", "--set=secrets.env.FROM_VAULT=name"]
    assert "${FROM_VAULT}" in template(helm, "prod", options)
