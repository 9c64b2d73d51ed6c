"""The share of the settings that says where an agent listens, who may call it, and what a request may be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from infrastructure.host.origins import read_origins
from infrastructure.identity.addresses import is_loopback, is_safe


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


class AccessSettings(BaseModel):
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
    max_body_bytes: int = Field(
        4 * 2**20,
        ge=1,
        le=16 * 2**20,
        validation_alias="AGENTS_MAX_BODY_BYTES",
        description="Largest request body.",
    )
    http_patience: float = Field(
        300.0,
        ge=0,
        le=86_400,
        validation_alias="AGENTS_HTTP_PATIENCE",
        description="Seconds a request waits for its result before 202.",
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

    @model_validator(mode="after")
    def _knows_its_callers(self) -> Self:
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
