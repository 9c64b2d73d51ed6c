"""Every setting of an agent service, from the environment. `agents doctor --settings` prints them.

Dapr's and the providers' variables keep their own names; ours begin with AGENTS_.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from agents.runtime.timing import DAY, Timing
from infrastructure.host.origins import read_origins
from infrastructure.identity.addresses import is_loopback, is_safe
from infrastructure.llm.clients.settings import ModelSettings
from infrastructure.prompts.git.address import GitSource, read_place


def _address_list(text: str) -> str:
    addresses = [part.strip() for part in text.split(",")]
    if not all(address.count("@") == 1 and not set(address) & set(" \r\n<>") for address in addresses):
        raise ValueError("must be e-mail addresses, separated by commas")
    return ",".join(addresses)


def _header_value(token: SecretStr) -> SecretStr:
    # A line feed at the end of a mounted secret is the usual mistake: no header could ever carry it.
    if not re.fullmatch(r"[\x21-\x7e]+", token.get_secret_value()):
        raise ValueError(
            "must be visible ASCII characters without blanks and line ends: it travels in a header"
        )
    return token


def _issuer(url: str) -> str:
    if not is_safe(url):
        raise ValueError(
            "must be an https:// address, or http:// on this machine: what comes from it is believed"
        )
    return url


def _names(text: str) -> str:
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise ValueError("must be one name, or several with commas between")
    return ",".join(names)


Token = Annotated[SecretStr, AfterValidator(_header_value)]


class Settings(ModelSettings):
    """One object for one process; the model's share is inherited."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env")

    host: str = Field("127.0.0.1", validation_alias="AGENTS_HOST", description="Address to listen on.")
    port: int = Field(
        8000,
        ge=1,
        le=65535,
        validation_alias="APP_PORT",
        description="Port to listen on; `dapr run` sets it.",
    )
    app_api_token: Token | None = Field(
        None,
        validation_alias="APP_API_TOKEN",
        description="What the sidecar shows the app. Needed beyond loopback.",
    )
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None,
        validation_alias="AGENTS_OIDC_ISSUER",
        description="OpenID Connect issuer whose tokens callers show, as https://login.microsoftonline.com/<tenant>/v2.0.",
    )
    oidc_audience: Annotated[str, AfterValidator(_names)] | None = Field(
        None,
        validation_alias="AGENTS_OIDC_AUDIENCE",
        description="Audience that their tokens must be for; several by commas. In Entra ID the application's id.",
    )
    oidc_subject_claim: str = Field(
        "sub",
        min_length=1,
        validation_alias="AGENTS_OIDC_SUBJECT_CLAIM",
        description="Claim of the tokens that names the caller in records; `oid` is the same in all of Entra ID.",
    )
    oidc_roles_claim: str = Field(
        "roles",
        min_length=1,
        validation_alias="AGENTS_OIDC_ROLES_CLAIM",
        description="Claim of the tokens that lists the caller's roles.",
    )
    api_keys: Path | None = Field(
        None,
        validation_alias="AGENTS_API_KEYS",
        description="File of API keys, hashed, with their roles: `agents keys new` makes its lines.",
    )
    rate_limit: float = Field(
        50.0,
        ge=0,
        le=100_000,
        validation_alias="AGENTS_RATE_LIMIT",
        description="Requests a second that each caller who logs in may make of a replica; 0 for no limit.",
    )
    cors_origins: Annotated[str, AfterValidator(read_origins)] | None = Field(
        None,
        validation_alias="AGENTS_CORS_ORIGINS",
        description="Origins of web pages that may call from a browser; several by commas. None without it.",
    )
    dapr_api_token: Token | None = Field(
        None,
        validation_alias="DAPR_API_TOKEN",
        description="What the app shows the sidecar, where it asks for one.",
    )
    dapr_grpc_port: int = Field(
        50001,
        ge=1,
        le=65535,
        validation_alias="DAPR_GRPC_PORT",
        description="The sidecar's gRPC port; `dapr run` sets it.",
    )
    pubsub: str = Field(
        "agents-pubsub", validation_alias="AGENTS_PUBSUB", description="The pub/sub component."
    )
    statestore: str = Field(
        "agents-statestore", validation_alias="AGENTS_STATESTORE", description="The state component."
    )
    shared_statestore: str | None = Field(
        None,
        validation_alias="AGENTS_SHARED_STATESTORE",
        description="A state component with keyPrefix none, in which all agents share limits and chains' budgets.",
    )
    delivery: Literal["stream", "push"] = Field(
        "stream",
        validation_alias="AGENTS_DELIVERY",
        description="How events come; push may lose some when an app is killed.",
    )
    prompts: Annotated[Path | GitSource, BeforeValidator(read_place)] = Field(
        Path("prompts"),
        validation_alias="AGENTS_PROMPTS",
        description="Folder of the prompt files, or git+https://…@<commit>#<folder>.",
    )
    prompt_drafts: bool = Field(
        default=False,
        validation_alias="AGENTS_PROMPT_DRAFTS",
        description="For development: serve the newest drafts of prompts, as they are edited.",
    )
    guardrails: Path | None = Field(
        None,
        validation_alias="AGENTS_GUARDRAILS",
        description="File of the guardrails on what models are given and answer; none without it.",
    )
    models: Path | None = Field(
        None,
        validation_alias="AGENTS_MODELS",
        description="File of named models, prices, fallbacks, budgets; without it LLM_PROVIDER and its like name one.",
    )
    lease: float = Field(
        2.0,
        validation_alias="AGENTS_LEASE",
        description="Seconds after which a silent owner has lost its work.",
    )
    redelivery_after: float = Field(
        3.0,
        validation_alias="AGENTS_REDELIVERY_AFTER",
        description="Seconds after which the broker offers a message again: as in the pub/sub component.",
    )
    max_waiting: int = Field(
        48,
        ge=1,
        validation_alias="AGENTS_MAX_WAITING",
        description="Deliveries that may wait for known work: fewer than the sidecar's workers, unless topics share none.",
    )
    retention_days: int = Field(
        7,
        ge=1,
        le=3650,
        validation_alias="AGENTS_RETENTION_DAYS",
        description="How long outcomes are kept and repeats recognised.",
    )
    http_patience: float = Field(
        300.0,
        ge=0,
        le=86_400,
        validation_alias="AGENTS_HTTP_PATIENCE",
        description="Seconds a request waits for its result before 202.",
    )
    grace: float = Field(
        4.0,
        ge=0,
        le=3600,
        validation_alias="AGENTS_GRACE",
        description="Seconds that work may take to end at shutdown.",
    )
    receive_dead_letters: bool = Field(
        default=False,
        validation_alias="AGENTS_RECEIVE_DEAD_LETTERS",
        description="Whether tasks that react to dead letters get them: notification tells its recipients.",
    )
    max_body_bytes: int = Field(
        4 * 2**20,
        ge=1,
        le=16 * 2**20,
        validation_alias="AGENTS_MAX_BODY_BYTES",
        description="Largest request body.",
    )
    max_event_bytes: int = Field(
        1_000_000,
        ge=1_000,
        validation_alias="AGENTS_MAX_EVENT_BYTES",
        description="Largest event that the broker takes.",
    )
    max_document_bytes: int = Field(
        1_900_000,
        ge=10_000,
        validation_alias="AGENTS_MAX_DOCUMENT_BYTES",
        description="Largest document that the state store takes, before the sidecar encodes it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="AGENTS_LOG_LEVEL", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "human"] = Field(
        "auto", validation_alias="AGENTS_LOG_FORMAT", description="auto: human on a terminal, JSON elsewhere."
    )
    webhook_url: HttpUrl | None = Field(
        None,
        validation_alias="AGENTS_NOTIFICATION_WEBHOOK_URL",
        description="Notifications go here, when set, instead of by mail.",
    )
    smtp_host: str = Field("127.0.0.1", validation_alias="AGENTS_SMTP_HOST", description="Mail server.")
    smtp_port: int = Field(1025, ge=1, le=65535, validation_alias="AGENTS_SMTP_PORT", description="Its port.")
    smtp_username: str | None = Field(
        None, validation_alias="AGENTS_SMTP_USERNAME", description="Its user, if it asks."
    )
    smtp_password: SecretStr | None = Field(
        None, validation_alias="AGENTS_SMTP_PASSWORD", description="Its password."
    )
    smtp_start_tls: bool = Field(
        default=False, validation_alias="AGENTS_SMTP_STARTTLS", description="Encrypt by STARTTLS, or refuse."
    )
    mail_from: Annotated[str, AfterValidator(_address_list)] = Field(
        "agents@localhost", validation_alias="AGENTS_NOTIFICATION_FROM", description="Sender of mails."
    )
    mail_to: Annotated[str, AfterValidator(_address_list)] = Field(
        "team@localhost",
        validation_alias="AGENTS_NOTIFICATION_RECIPIENTS",
        description="Who gets notifications that name nobody; several by commas.",
    )

    @property
    def app_token(self) -> str | None:
        return self.app_api_token.get_secret_value() if self.app_api_token else None

    @property
    def origins(self) -> tuple[str, ...]:
        """Of web pages that may call."""
        return tuple(self.cors_origins.split(",")) if self.cors_origins else ()

    @property
    def asks_for_login(self) -> bool:
        return self.oidc_issuer is not None or self.api_keys is not None

    @property
    def statestores(self) -> tuple[str, ...]:
        """The agent's own, and last the one that it shares with others, which may be the same."""
        return tuple(dict.fromkeys((self.statestore, self.shared_statestore or self.statestore)))

    @property
    def version(self) -> str:
        return version("my-agents")

    @property
    def timing(self) -> Timing:
        return Timing(
            lease=self.lease,
            redelivery_after=self.redelivery_after,
            retention=self.retention_days * DAY,
            max_waiting=self.max_waiting,
            max_document_bytes=self.max_document_bytes,
            max_event_bytes=self.max_event_bytes,
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            _ = self.timing
        except ValueError as error:
            raise ValueError(f"AGENTS_LEASE, AGENTS_REDELIVERY_AFTER: {error}") from None
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError(
                "AGENTS_OIDC_ISSUER and AGENTS_OIDC_AUDIENCE belong together: a token for any other audience is no token "
                "for this agent"
            )
        if not is_loopback(self.host):
            self._closed_to_strangers()
        return self

    def _closed_to_strangers(self) -> None:
        missing = [] if self.app_api_token else ["APP_API_TOKEN, which the sidecar shows"]
        if not self.asks_for_login:
            missing.append(
                "AGENTS_OIDC_ISSUER and AGENTS_OIDC_AUDIENCE, or AGENTS_API_KEYS, for callers to log in "
                "(a file with `keys: []` lets in nobody but the sidecar)"
            )
        if missing:
            raise ValueError(
                f"AGENTS_HOST={self.host} is reachable from outside: set {'; and '.join(missing)}. Or listen on 127.0.0.1"
            )


class _Given(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """What a process with this environment, and no `.env`, would have. Raises `ValidationError`."""
    return _Given.model_validate({name: value for name, value in environment.items() if value})


def explain(error: ValidationError) -> str:
    """Wrong settings in a few lines: name, what is allowed; never a value, which may be a secret."""
    lines = []
    for problem in error.errors(include_url=False, include_input=True):
        name = ".".join(map(str, problem["loc"]))
        message = problem["msg"].removeprefix("Value error, ")
        given = (
            f" (given: {type(problem['input']).__name__} of {len(str(problem['input']))} characters)"
            if name
            else ""
        )
        lines.append(f"{name + ': ' if name else ''}{message}{given}")
    return "\n".join(lines)
