"""Which model answers, where it runs, and which client asks it."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Client: TypeAlias = Literal["lean", "openai", "semantic-kernel"]
DEFAULT_OLLAMA_MODEL = "smollm2-135m-instruct"
OPENAI_API = "https://api.openai.com/v1"
DEFAULT_AZURE_API_VERSION = "2025-04-01-preview"


def http_address(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address like https://host or http://host:port")
    if parts.username or parts.password:
        raise ValueError(
            "holds a user or a password, which logs would show — write the address alone; a key has a variable of its own"
        )
    return text.strip().rstrip("/")


def azure_resource(text: str) -> str:
    address = http_address(text)
    if "/openai" in urlsplit(address).path or "?" in address:
        raise ValueError("must be the resource's address alone, like https://NAME.openai.azure.com")
    return address


def ollama_address(text: str) -> str:
    """Read OLLAMA_HOST as Ollama itself does: host and port may be missing; 0.0.0.0 is where it listens, not where it is."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "http", scheme
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError as error:
        raise ValueError("must be host, host:port or http://host:port") from error
    if scheme not in {"http", "https"} or parts.query or parts.username:
        raise ValueError("must be host, host:port or http://host:port")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", None: "127.0.0.1"}.get(parts.hostname, parts.hostname)  # noqa: S104 - never bound
    default_port = {"http": 80, "https": 443}[scheme] if separator else 11434
    bracketed = f"[{host}]" if host and ":" in host else host
    return f"{scheme}://{bracketed}:{port or default_port}{parts.path.rstrip('/')}"


class ModelSettings(BaseSettings):
    """The model's share of the settings: every provider's variables, of which only the chosen provider's must be there."""

    # Case-sensitive: what is called `host` here must not listen to the shell's HOST.
    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", populate_by_name=True, case_sensitive=True
    )

    llm_provider: Literal["ollama", "azure-openai", "openai"] = Field(
        "ollama", validation_alias="LLM_PROVIDER", description="Who runs the model."
    )
    agents_model_client: Client = Field(
        "lean",
        validation_alias="AGENTS_MODEL_CLIENT",
        description="Which client asks it: our own, or an SDK from the extras `openai` and `semantic-kernel`.",
    )

    ollama_host: Annotated[str, AfterValidator(ollama_address)] = Field(
        "http://127.0.0.1:11434",
        validation_alias="OLLAMA_HOST",
        description="Ollama's address; host:port without http:// will do.",
    )
    ollama_model: str = Field(
        DEFAULT_OLLAMA_MODEL, validation_alias="OLLAMA_MODEL", description="A model that Ollama has."
    )

    azure_openai_endpoint: Annotated[str, AfterValidator(azure_resource)] | None = Field(
        None,
        validation_alias="AZURE_OPENAI_ENDPOINT",
        description="The resource's address, https://NAME.openai.azure.com.",
    )
    azure_openai_api_key: SecretStr | None = Field(
        None,
        validation_alias="AZURE_OPENAI_API_KEY",
        description="The resource's key; without it the Entra identity of the process is used.",
    )
    azure_openai_deployment: str | None = Field(
        None,
        validation_alias="AZURE_OPENAI_DEPLOYMENT",
        description="The deployment's name, not its model's.",
    )
    azure_openai_api_version: str = Field(
        DEFAULT_AZURE_API_VERSION,
        validation_alias="AZURE_OPENAI_API_VERSION",
        description="At least 2024-12-01-preview: older ones do not know max_completion_tokens.",
    )

    openai_base_url: Annotated[str, AfterValidator(http_address)] = Field(
        OPENAI_API,
        validation_alias="OPENAI_BASE_URL",
        description="Any server of chat completions, up to and with /v1.",
    )
    openai_api_key: SecretStr | None = Field(
        None, validation_alias="OPENAI_API_KEY", description="Its key; servers of one's own may need none."
    )
    openai_model: str | None = Field(
        None, validation_alias="OPENAI_MODEL", description="A model that the server has."
    )

    @model_validator(mode="after")
    def _provider_is_complete(self) -> Self:
        required: dict[str, object] = {}
        if self.llm_provider == "azure-openai":
            required = {
                "AZURE_OPENAI_ENDPOINT": self.azure_openai_endpoint,
                "AZURE_OPENAI_DEPLOYMENT": self.azure_openai_deployment,
            }
        elif self.llm_provider == "openai":
            required = {"OPENAI_MODEL": self.openai_model}
            if self.openai_base_url == OPENAI_API:
                required["OPENAI_API_KEY"] = self.openai_api_key
        missing = [name for name, value in required.items() if value is None]
        if missing:
            raise ValueError(
                f"LLM_PROVIDER={self.llm_provider} needs {' and '.join(missing)}: set it in the environment"
            )
        return self

    def with_model(self, name: str) -> Self:
        """The same, asking another model of the same provider."""
        field = {
            "ollama": "ollama_model",
            "azure-openai": "azure_openai_deployment",
            "openai": "openai_model",
        }[self.llm_provider]
        return self.model_copy(update={field: name})

    @property
    def model_name(self) -> str:
        """The model that is asked for; on Azure, the deployment."""
        named = {
            "ollama": self.ollama_model,
            "azure-openai": self.azure_openai_deployment,
            "openai": self.openai_model,
        }
        return named[self.llm_provider] or ""
