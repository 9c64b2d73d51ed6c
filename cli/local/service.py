"""What the supervisor runs: programs as data."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cli.local.probe import Probe


class Role(StrEnum):
    APP = "app"
    SIDECAR = "sidecar"
    INFRASTRUCTURE = "infrastructure"


# Ended in this order: an app hands its work back through its sidecar, a sidecar acknowledges at the broker.
STOP_WAVES = (Role.APP, Role.SIDECAR, Role.INFRASTRUCTURE)


async def _nothing() -> None:
    return


@dataclass(frozen=True)
class Service:
    """One program to keep running."""

    name: str
    role: Role
    argv: list[str | Path]
    cwd: Path
    env: Mapping[str, str]
    probe: Probe
    ports: Mapping[str, int]  # purpose → port
    log: Path
    address: str = ""
    agent: str | None = None  # the app-id, which all replicas of an agent share
    needs: tuple[str, ...] = ()  # services that must be ready before the first start
    prepare: Callable[[], Awaitable[None]] = field(
        default=_nothing
    )  # once it answers, before it counts as ready


@dataclass(frozen=True)
class Adopted:
    """Something that answered already: used, watched by nobody, never ended."""

    name: str
    address: str
    port: int
