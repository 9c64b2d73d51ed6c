from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Protocol, TypeAlias

from domain.event import Event


class Answer(Enum):
    """What the broker is told of a delivery."""

    SUCCESS = "SUCCESS"
    RETRY = "RETRY"


Deliver: TypeAlias = Callable[[str, bytes], Awaitable[Answer]]
"""Takes a topic and the raw bytes of a message, and answers for it. Never raises."""


class Publisher(Protocol):
    async def publish(self, topic: str, event: Event) -> None:
        """Return once the broker has the event.

        Raises:
            SidecarUnavailable: it may or may not have it; publish it again under the same id.
            TooLarge: the broker will never take it.

        """
        ...


class Subscription(Protocol):
    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:
        """Receive until cancelled, each message in a task of its own; reconnects by itself.

        Messages that were not answered by then are delivered again.
        """
        ...

    @property
    def connected(self) -> bool:
        """True while every topic is being received."""
        ...
