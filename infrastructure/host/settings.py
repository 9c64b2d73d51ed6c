"""Every setting of an agent service, from the environment. `agents doctor --settings` prints them.

Dapr's and the providers' variables keep their own names; ours begin with AGENTS_. Each share has a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from infrastructure.host.settings_access import AccessSettings
from infrastructure.host.settings_channels import ChannelSettings
from infrastructure.host.settings_delivery import DeliverySettings
from infrastructure.llm.clients.settings import ModelSettings
from infrastructure.prompts.git.address import GitSource, read_place


class Settings(ChannelSettings, DeliverySettings, AccessSettings, ModelSettings):
    """One object for one process."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env")

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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="AGENTS_LOG_LEVEL", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "human"] = Field(
        "auto", validation_alias="AGENTS_LOG_FORMAT", description="auto: human on a terminal, JSON elsewhere."
    )

    @property
    def version(self) -> str:
        return version("my-agents")


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
