"""Topics and subscriptions that a namespace has, and how each holds what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubscriptionSettings(_Strict):
    """`lock_duration` is in seconds: so long a receiver has a message for itself, unless it renews the lock."""

    max_delivery_count: Annotated[int, Field(ge=1, le=2000)] = 10
    lock_duration: Annotated[float, Field(ge=5, le=300)] = 60


class TopicSettings(_Strict):
    max_message_bytes: Annotated[int, Field(ge=1024, le=100 * 2**20)] = 2**20
    subscriptions: dict[str, SubscriptionSettings] = {}


class Topology(_Strict):
    """By name; names are told apart without regard to case, as Service Bus does."""

    topics: dict[str, TopicSettings]


def read_topology(path: Path) -> Topology:
    try:
        return Topology.model_validate_json(path.read_bytes())
    except OSError as error:
        problem = str(error.strerror)
    except ValidationError as error:
        problem = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    raise CommandError(
        f"{path}: {problem}", hint="`python -m cli.documents` writes it anew", code=ExitCode.INVALID
    )
