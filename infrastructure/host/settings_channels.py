"""The share of the settings that says how people are told: mail server, or webhook."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, SecretStr


def _address_list(text: str) -> str:
    addresses = [part.strip() for part in text.split(",")]
    if not all(address.count("@") == 1 and not set(address) & set(" \r\n<>") for address in addresses):
        raise ValueError("must be e-mail addresses, separated by commas")
    return ",".join(addresses)


class ChannelSettings(BaseModel):
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
