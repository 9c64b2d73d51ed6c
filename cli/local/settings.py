"""Settings of the local platform, from the environment: `agents up` and what watches over it. Each agent has its own."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode

MAX_REPLICAS = 9


def parse_replicas(text: str) -> dict[str, int]:
    """`implementation=3,notification=2` as a mapping; ValueError says what is wrong with which part."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        agent, equals, count = (piece.strip() for piece in part.partition("="))
        if not (agent and equals):
            raise ValueError(f"{part!r} is not AGENT=NUMBER, as implementation=3")
        if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= MAX_REPLICAS):
            raise ValueError(f"{agent} can have 1 to {MAX_REPLICAS} replicas, not {count or 'nothing'!r}")
        if found.setdefault(agent, int(count)) != int(count):
            raise ValueError(f"{agent} is given twice: {found[agent]} and {int(count)}")
    return found


def _replicas(value: Any) -> Any:
    return parse_replicas(value) if isinstance(value, str) else value


class LocalSettings(BaseModel):
    """AGENTS_PORT_OFFSET and AGENTS_RUN_DIR are not here: they say which copy of the platform is meant (`Instance`)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    replicas: Annotated[dict[str, int], BeforeValidator(_replicas)] = Field(
        {},
        validation_alias="AGENTS_REPLICAS",
        description="How many of each agent `agents up` runs, as implementation=3,notification=2; one of the others.",
    )
    freeze_detection: Literal["on", "off"] = Field(
        "on",
        validation_alias="AGENTS_FREEZE_DETECTION",
        description="Whether `agents up` replaces a process that is there and does not answer; off for fault tests.",
    )


def read_settings(environment: Mapping[str, str]) -> LocalSettings:
    """Raises CommandError naming every wrong one; an empty one counts as not given."""
    given = {name: value for name, value in environment.items() if value}
    try:
        return LocalSettings.model_validate(given)
    except ValidationError as error:
        problems = [
            f"{problem['loc'][0]} is {given[str(problem['loc'][0])]!r}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
    raise CommandError(
        "\n  ".join(problems), hint="`agents doctor --settings` explains them", code=ExitCode.INVALID
    )
