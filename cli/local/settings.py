"""Settings of the local platform, from the environment: `agents up` and what watches over it. Each agent has its own."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode

MAX_REPLICAS = 9
LEAST_MEMORY = 8 * 2**20


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


def _bytes(value: Any) -> Any:
    """`512mb` as Redis understands it: kb, mb and gb are powers of 1,024."""
    found = (
        re.fullmatch(r"(\d{1,15})(b|kb|mb|gb)?", value.strip().lower()) if isinstance(value, str) else None
    )
    if found is None:
        raise ValueError("give a number with kb, mb or gb, as 512mb")
    size = int(found[1]) * 1024 ** ("b", "kb", "mb", "gb").index(found[2] or "b")
    if size < LEAST_MEMORY:
        raise ValueError("Redis needs 8mb at least")
    return size


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
    redis_maxmemory: Annotated[int, BeforeValidator(_bytes)] = Field(
        2**30,
        validation_alias="AGENTS_REDIS_MAXMEMORY",
        description="Memory of the Redis that `agents up` starts, as 512mb; full, it refuses writes and drops nothing.",
    )
    redis_appendfsync: Literal["everysec", "always"] = Field(
        "everysec",
        validation_alias="AGENTS_REDIS_APPENDFSYNC",
        description="When that Redis writes to the disk: always loses nothing with the machine, everysec one second.",
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
