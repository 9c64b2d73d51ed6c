"""The providers, and everything in which they differ, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from infrastructure.llm.clients.credentials import ApiKey, Credential, EntraToken, NoKey
from infrastructure.llm.clients.settings import DEFAULT_OLLAMA_MODEL, ModelSettings

if TYPE_CHECKING:  # who has no file of models does not load what reads one
    from infrastructure.llm.catalogue.schema import NamedModel

# JSON Schema keywords that a strict schema may not hold there; supplying one is an error 400.
# https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs#unsupported-type-specific-keywords
# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (numbers' and arrays' bounds are taken,
# but not by fine-tuned models: what is checked after the answer anyway is not worth a refusal)
_REFUSED_BY_OPENAI = frozenset(
    {"minLength", "maxLength", "pattern", "format"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems"}
    | {
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
        "default",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server of chat completions and the one model we ask there.

    `url` ends before `/chat/completions`; `query` goes with every request. `refused_keywords` are taken out of a
    strict schema. A server that does not list its models (`lists_models`) is checked by a request without messages.
    `sends_cache_keys`: a `prompt_cache_key` in the body keeps equal prompts where their beginning is cached.
    The three cures complete an error's message: what to do about a wrong model, key or address.
    """

    provider: str
    url: str
    model: str
    credential: Credential
    model_cure: str
    key_cure: str
    address_cure: str
    query: Mapping[str, str] = field(default_factory=dict)
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    refused_keywords: frozenset[str] = frozenset()
    lists_models: bool = True
    sends_cache_keys: bool = False

    @property
    def server(self) -> str:
        """Provider and address for messages: no path, no query, no credentials."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        return f"{self.provider} at {parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether our model is one of these; Ollama calls `x` by its full name, `x:latest`."""
        return not {self.model, f"{self.model}:latest"}.isdisjoint(names)


@dataclass(frozen=True, slots=True)
class Cures:
    """What to do about a wrong model, key or address, where these are written."""

    model: str
    key: str
    address: str


def endpoint_from(settings: ModelSettings) -> Endpoint:
    """The one that the environment variables name."""
    if settings.llm_provider == "azure-openai":
        return _azure_openai_from(settings)
    return _openai_from(settings) if settings.llm_provider == "openai" else _ollama_from(settings)


def endpoint_of(named: NamedModel, name: str, file: str, environment: Mapping[str, str]) -> Endpoint:
    """The one that a file of models names."""
    key = SecretStr(environment[named.key]) if named.key else None
    there = f"the model {name} in {file}"
    cures = Cures(
        model=f"mend `{'deployment' if named.deployment else 'model'}` of {there}",
        key=f"mend the variable {named.key}, the key of {there}"
        if named.key
        else f"name the variable that holds the key of {there}",
        address=f"mend `address` of {there}, or start what shall listen there",
    )
    if named.provider == "ollama":
        return ollama(named.url, named.wire_name, cures)
    if named.provider == "openai":
        endpoint = openai(named.url, named.wire_name, key, cures)
    else:
        endpoint = azure_openai(named.url, named.wire_name, named.api_version, key, cures)
    return replace(endpoint, sends_cache_keys=named.prompt_cache)


def ollama(address: str, model: str, cures: Cures) -> Endpoint:
    return Endpoint(
        provider="Ollama",
        url=f"{address}/v1",
        model=model,
        credential=NoKey(),
        model_cure=cures.model,
        key_cure=cures.key,
        address_cure=cures.address,
    )


def azure_openai(
    resource: str, deployment: str, api_version: str, key: SecretStr | None, cures: Cures
) -> Endpoint:
    """Without a key by the process's Entra identity."""
    return Endpoint(
        provider="Azure OpenAI",
        url=f"{resource}/openai/deployments/{quote(deployment, safe='')}",
        model=deployment,
        credential=ApiKey(key, header="api-key", prefix="") if key else EntraToken(),
        query={"api-version": api_version},
        model_cure=cures.model,
        key_cure=cures.key,
        address_cure=cures.address,
        limit_field="max_completion_tokens",
        refused_keywords=_REFUSED_BY_OPENAI,
        lists_models=False,
    )


def openai(address: str, model: str, key: SecretStr | None, cures: Cures) -> Endpoint:
    # Other servers speak the same protocol with older names, and take whole JSON Schema.
    original = (urlsplit(address).hostname or "").endswith((".openai.com", ".azure.com"))
    return Endpoint(
        provider="OpenAI" if original else "the OpenAI-compatible server",
        url=address,
        model=model,
        credential=ApiKey(key) if key else NoKey(),
        model_cure=cures.model,
        key_cure=cures.key,
        address_cure=cures.address,
        limit_field="max_completion_tokens" if original else "max_tokens",
        refused_keywords=_REFUSED_BY_OPENAI if original else frozenset(),
    )


def _ollama_from(settings: ModelSettings) -> Endpoint:
    model = settings.ollama_model
    get_it = "`agents up` makes it" if model == DEFAULT_OLLAMA_MODEL else f"get it with `ollama pull {model}`"
    cures = Cures(
        model=f"{get_it}, or name another in OLLAMA_MODEL (`ollama list` shows them)",
        key="Ollama itself asks for no key: does OLLAMA_HOST lead to something else?",
        address="start it (`agents up`, or `ollama serve`), or mend OLLAMA_HOST",
    )
    return ollama(settings.ollama_host, model, cures)


def _azure_openai_from(settings: ModelSettings) -> Endpoint:
    key = settings.azure_openai_api_key
    cures = Cures(
        model="name one of the resource's deployments (not its model) in AZURE_OPENAI_DEPLOYMENT",
        key="mend AZURE_OPENAI_API_KEY: it must be this resource's"
        if key
        else "give this identity the role Cognitive Services OpenAI User on the resource, or set AZURE_OPENAI_API_KEY",
        address="mend AZURE_OPENAI_ENDPOINT or AZURE_OPENAI_API_VERSION",
    )
    resource, deployment = settings.azure_openai_endpoint or "", settings.azure_openai_deployment or ""
    return azure_openai(resource, deployment, settings.azure_openai_api_version, key, cures)


def _openai_from(settings: ModelSettings) -> Endpoint:
    cures = Cures(
        model="name a model that it has in OPENAI_MODEL",
        key="mend OPENAI_API_KEY" if settings.openai_api_key else "set OPENAI_API_KEY",
        address="mend OPENAI_BASE_URL: most servers want it to end in /v1",
    )
    return openai(settings.openai_base_url, settings.openai_model or "", settings.openai_api_key, cures)
