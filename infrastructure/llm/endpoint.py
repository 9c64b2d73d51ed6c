"""The providers, and everything in which they differ, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from infrastructure.llm.credentials import ApiKey, Credential, EntraToken, NoKey
from infrastructure.llm.settings import DEFAULT_OLLAMA_MODEL, ModelSettings

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

    @property
    def server(self) -> str:
        """Provider and address for messages: no path, no query, no credentials."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
        return f"{self.provider} at {parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether our model is one of these; Ollama calls `x` by its full name, `x:latest`."""
        return not {self.model, f"{self.model}:latest"}.isdisjoint(names)


def endpoint_from(settings: ModelSettings) -> Endpoint:
    if settings.llm_provider == "azure-openai":
        return _azure_openai(settings)
    return _openai(settings) if settings.llm_provider == "openai" else _ollama(settings)


def _ollama(settings: ModelSettings) -> Endpoint:
    model = settings.ollama_model
    get_it = "`agents up` makes it" if model == DEFAULT_OLLAMA_MODEL else f"get it with `ollama pull {model}`"
    return Endpoint(
        provider="Ollama",
        url=f"{settings.ollama_host}/v1",
        model=model,
        credential=NoKey(),
        model_cure=f"{get_it}, or name another in OLLAMA_MODEL (`ollama list` shows them)",
        key_cure="Ollama itself asks for no key: does OLLAMA_HOST lead to something else?",
        address_cure="start it (`agents up`, or `ollama serve`), or mend OLLAMA_HOST",
    )


def _azure_openai(settings: ModelSettings) -> Endpoint:
    deployment = settings.azure_openai_deployment or ""
    key = settings.azure_openai_api_key
    return Endpoint(
        provider="Azure OpenAI",
        url=f"{settings.azure_openai_endpoint}/openai/deployments/{quote(deployment, safe='')}",
        model=deployment,
        credential=ApiKey(key, header="api-key", prefix="") if key else EntraToken(),
        query={"api-version": settings.azure_openai_api_version},
        model_cure="name one of the resource's deployments (not its model) in AZURE_OPENAI_DEPLOYMENT",
        key_cure="mend AZURE_OPENAI_API_KEY: it must be this resource's"
        if key
        else "give this identity the role Cognitive Services OpenAI User on the resource, or set AZURE_OPENAI_API_KEY",
        address_cure="mend AZURE_OPENAI_ENDPOINT or AZURE_OPENAI_API_VERSION",
        limit_field="max_completion_tokens",
        refused_keywords=_REFUSED_BY_OPENAI,
        lists_models=False,
    )


def _openai(settings: ModelSettings) -> Endpoint:
    key = settings.openai_api_key
    host = urlsplit(settings.openai_base_url).hostname or ""
    # Other servers speak the same protocol with older names, and take whole JSON Schema.
    original = host.endswith((".openai.com", ".azure.com"))
    return Endpoint(
        provider="OpenAI" if original else "the OpenAI-compatible server",
        url=settings.openai_base_url,
        model=settings.openai_model or "",
        credential=ApiKey(key) if key else NoKey(),
        model_cure="name a model that it has in OPENAI_MODEL",
        key_cure="mend OPENAI_API_KEY" if key else "set OPENAI_API_KEY",
        address_cure="mend OPENAI_BASE_URL: most servers want it to end in /v1",
        limit_field="max_completion_tokens" if original else "max_tokens",
        refused_keywords=_REFUSED_BY_OPENAI if original else frozenset(),
    )
