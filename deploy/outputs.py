"""`python -m deploy.outputs`: what deploy/bicep gave out, as the values file that only a deployment can know.

The chart's own value files say how an environment differs; addresses, names and identities come from here, and nobody types them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

import click
import jsonschema_rs
import yaml

from cli.errors import CommandError
from cli.exit_codes import EXIT_CODES, ExitCode
from cli.standalone import run_standalone
from deploy.bicep_outputs import MADE_BY, Model, Outputs, read
from deploy.declared import CHART, ROOT

IMAGE = "my-agents"
REGIONS = ("AZURE_WEST", "AZURE_NORTH")
"""The addresses that models/azure.yaml asks for, in the order in which it falls back."""
_EXAMPLE = "python -m deploy.outputs outputs.json --digest sha256:… > azure.yaml"

Values = dict[str, Any]


@click.command(epilog=f"Example: {_EXAMPLE}\n\n{EXIT_CODES}")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--digest", help="The image's, as the build printed it: sha256:…; prod is refused without one.")
def command(*, file: TextIO, digest: str | None) -> None:
    """Make a values file of the chart from FILE, the outputs of deploy/bicep/main.bicep as JSON; - reads standard input."""
    found = read(_text(file), file.name)
    values = values_of(found, digest)
    problems = [*_misfits(found), *_refused(found, values)]
    if problems:
        raise CommandError(
            "\n".join(f"- {problem}" for problem in problems),
            hint="nothing was written",
            code=ExitCode.INVALID,
        )
    click.echo(
        f"# Made by `python -m deploy.outputs` for {found.environment_name}; make it anew rather than edit it."
    )
    click.echo(yaml.safe_dump(values, sort_keys=False, width=120), nl=False)


def _text(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{file.name}: not UTF-8: {error}",
            hint=f"PowerShell's > writes UTF-16 by default, Out-File -Encoding utf8 does not; they are made by: {MADE_BY}",
            code=ExitCode.INVALID,
        ) from error


def values_of(found: Outputs, digest: str | None) -> Values:
    """What goes over the chart's value file of the environment."""
    values: Values = {
        "image": {"repository": f"{found.registry}/{IMAGE}", **({"digest": digest} if digest else {})},
        "identities": {identity.agent: identity.client_id for identity in found.identities},
        "env": _models(found.open_ai),
        "components": {"set": found.components},
        "secrets": {
            "source": "keyVault",
            "keyVault": {"name": found.key_vault, "tenantId": found.tenant_id},
        },
        "login": {"issuer": found.login_issuer, "audience": found.login_audience},
        "expose": {"host": found.host},
    }
    if found.components == "azure":
        values["components"]["azure"] = {
            "agents-pubsub": {"namespaceName": found.service_bus},
            "agents-statestore": {
                "url": found.cosmos_url,
                "database": found.cosmos_database,
                "collection": found.cosmos_container,
            },
            "agents-secrets": {"vaultName": found.key_vault},
        }
    else:
        redis = {"redisHost": found.redis, "enableTLS": "true", "useEntraID": "true"}
        values["components"]["redis"] = {"agents-pubsub": redis, "agents-statestore": dict(redis)}
        # KEDA's trigger for streams has no way to log in by identity.
        values["agentDefaults"] = {"autoscaling": {"enabled": False}}
        values["network"] = {"egress": _egress_to_redis(found)}
    return values


def _models(regions: list[Model]) -> dict[str, str]:
    if not regions:
        return {}
    first = {"AZURE_OPENAI_ENDPOINT": regions[0].endpoint, "AZURE_OPENAI_DEPLOYMENT": regions[0].deployment}
    named = {
        key: value
        for name, region in zip(REGIONS, regions, strict=False)
        for key, value in ((name, region.endpoint), (f"{name}_DEPLOYMENT", region.deployment))
    }
    return first | named


def _egress_to_redis(found: Outputs) -> list[Values]:
    """The chart's own ways out, with Managed Redis and Entra ID, which gives out the tokens for it, instead of a Redis in the cluster."""
    usual = [way for way in _values("values.yaml")["network"]["egress"] if way["to"] != "Redis"]
    entra = [way for way in _values("values-prod.yaml")["network"]["egress"] if "Entra" in way["to"]]
    return [{"to": "Managed Redis", "cidrs": [found.endpoints_prefix], "ports": [10000]}, *usual, *entra]


def _misfits(found: Outputs) -> Iterator[str]:
    """What main.bicep gave out that the repository does not say, or the other way round."""
    wanted = (
        ("serviceBus", "cosmosUrl", "cosmosDatabase", "cosmosContainer")
        if found.components == "azure"
        else ("redis",)
    )
    given_out = found.model_dump(by_alias=True)
    for name in wanted:
        if not given_out[name]:
            yield f"{name}: is empty, and the components {found.components} need it; deploy deploy/bicep/main.bicep again"
    declared = set(yaml.safe_load((ROOT / CHART / "files/declared.yaml").read_text())["agents"])
    given = {identity.agent for identity in found.identities}
    for agent in sorted(declared - given):
        yield f"identities: {agent} has none; deploy deploy/bicep/main.bicep again, which makes one for each agent"
    for agent in sorted(given - declared):
        yield f"identities: {agent} is no agent of this repository; the outputs are of another version of it"
    if found.components == "azure":
        name = f"values-{found.environment_name}.yaml"
        ways = merged(_values("values.yaml"), _values(name))["network"]["egress"]
        reached = {cidr for way in ways for cidr in way.get("cidrs", [])}
        if found.endpoints_prefix not in reached:
            yield (
                f"endpointsPrefix: {found.endpoints_prefix} is not in network.egress of {CHART}/{name} ({', '.join(sorted(reached))}), "
                "so agents would not reach the private endpoints; make the two alike"
            )


def _refused(found: Outputs, values: Values) -> Iterator[str]:
    """What the chart's schema has against it, over the value files that it goes over."""
    together = merged(_values("values.yaml"), _values(f"values-{found.environment_name}.yaml"))
    schema = yaml.safe_load((ROOT / CHART / "values.schema.json").read_text())
    for error in jsonschema_rs.iter_errors(schema, merged(together, values)):
        place = ".".join(str(part) for part in error.instance_path)
        yield f"{place}: {error.message}; the chart refuses it"


def merged(under: Values, over: Values) -> Values:
    """As Helm does it: maps key by key, null takes away, everything else is replaced."""
    made = dict(under)
    for key, value in over.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = merged(made[key], value)
        else:
            made[key] = value
    return made


def _values(name: str) -> Values:
    document: Values = yaml.safe_load((ROOT / CHART / name).read_text())
    return document


if __name__ == "__main__":
    run_standalone(command)
