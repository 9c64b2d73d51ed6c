"""What deploy/bicep/main.bicep gives out, read from what `az` printed of it; nonsense is refused, all of it at once."""

from __future__ import annotations

import re
from collections import defaultdict
from ipaddress import IPv4Network
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cli.errors import CommandError
from cli.exit_codes import ExitCode

MOST_REGIONS = 2
"""Of Azure OpenAI: `openAiRegions` of main.bicep takes so many, and models/azure.yaml asks so many."""
MADE_BY = "az deployment group show -g GROUP -n main --query properties.outputs > outputs.json"


def _form(pattern: str, example: str) -> AfterValidator:
    def fits(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} does not look like {example}")
        return value

    return AfterValidator(fits)


def _prefix(value: str) -> str:
    try:
        return str(IPv4Network(value))
    except ValueError as error:
        raise ValueError(f"{error}; it looks like 10.20.4.0/24") from error


Text = Annotated[str, Field(min_length=1)]
Uuid = Annotated[
    str, _form(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "00000000-0000-0000-0000-000000000000")
]
_HOST = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
_NOTHING_OR_HOST = _form(f"({_HOST})?", "NAME.servicebus.windows.net")
_NOTHING_OR_ADDRESS = _form(rf"({_HOST}:\d+)?", "NAME.REGION.redis.azure.net:10000")
_NOTHING_OR_URL = _form(rf"(https://{_HOST}(:\d+)?/?)?", "https://NAME.documents.azure.com:443/")
_HTTPS = _form(rf"https://{_HOST}/?", "https://NAME.openai.azure.com")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Identity(_Part):
    agent: Text
    client_id: Uuid


class Model(_Part):
    endpoint: Annotated[str, _HTTPS]
    deployment: Annotated[str, _form(r"\S+", "gpt-4o-mini")]


def _one_each(identities: list[Identity]) -> list[Identity]:
    clients, agents = defaultdict(list), defaultdict(list)
    for one in identities:
        clients[one.agent].append(one.client_id)
        agents[one.client_id].append(one.agent)
    for agent, given in clients.items():
        if len(given) > 1:
            raise ValueError(f"{agent} has {len(given)}, {' and '.join(given)}; an agent has one")
    for client, given in agents.items():
        if len(given) > 1:
            raise ValueError(
                f"{client} is that of {' and '.join(given)}; each agent has its own, with its own roles"
            )
    return identities


def _regions(models: list[Model]) -> list[Model]:
    if len(models) > MOST_REGIONS:
        raise ValueError(
            f"{len(models)} regions, and models/azure.yaml asks {MOST_REGIONS}; openAiRegions takes no more"
        )
    if len({model.endpoint for model in models}) < len(models):
        raise ValueError(f"{models[0].endpoint} is there twice, and would be its own fallback")
    return models


class Outputs(_Part):
    """The outputs of deploy/bicep/main.bicep, all of them. What the other set of components has is empty."""

    environment_name: Literal["dev", "staging", "prod"]
    components: Literal["azure", "redis"]
    registry: Annotated[str, _form(r"[a-z0-9]{5,50}\.azurecr\.[a-z]+", "NAME.azurecr.io")]
    identities: Annotated[list[Identity], AfterValidator(_one_each)]
    key_vault: Annotated[str, _form(r"[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]", "kv-agents-prod-abc123")]
    tenant_id: Uuid
    login_issuer: Annotated[str, _form(r"https://\S+", "https://login.microsoftonline.com/TENANT/v2.0")]
    login_audience: Annotated[str, _form(r"\S+", "the id of an application")]
    host: Annotated[str, _form(_HOST, "agents.example.com")]
    endpoints_prefix: Annotated[str, AfterValidator(_prefix)]
    open_ai: Annotated[list[Model], AfterValidator(_regions)]
    service_bus: Annotated[str, _NOTHING_OR_HOST]
    cosmos_url: Annotated[str, _NOTHING_OR_URL]
    cosmos_database: Annotated[str, _form(r"\S*", "agents")]
    cosmos_container: Annotated[str, _form(r"\S*", "agents-statestore")]
    redis: Annotated[str, _NOTHING_OR_ADDRESS]


def read(text: str, source: str) -> Outputs:
    """From Azure's form, {name: {type, value}}; CommandError names everything that is wrong at once."""
    try:
        document = yaml.safe_load(
            text.removeprefix("\ufeff")
        )  # JSON is YAML, and its errors come with a line
        given = {name: output["value"] for name, output in document.items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, RecursionError, ValueError) as error:
        raise CommandError(
            f"{source}: not the outputs of a deployment: {error}",
            hint=f"they are made by: {MADE_BY}",
            code=ExitCode.INVALID,
        ) from error
    try:
        return Outputs.model_validate(given)
    except ValidationError as error:
        wrong = [
            f"{source}: {'.'.join(str(part) for part in each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
        raise CommandError(
            "\n".join(wrong),
            hint=f"nothing was written; deploy deploy/bicep/main.bicep of this version, then: {MADE_BY}",
            code=ExitCode.INVALID,
        ) from error
