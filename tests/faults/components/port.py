"""What the suite asks of a broker and a store, whichever it is: as others see them, never through the agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from tests.faults.outside.tail import Note


class Broker(Protocol):
    """As a publisher of another team and its operator see it."""

    refused: int
    """Messages that it refused for a while; each is repeated."""
    largest: int
    """Bytes of the largest message that the suite may put into it."""

    async def add(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Until all (topic, message) of them are in."""

    async def left(self) -> int | None:
        """How much some subscriber has not acknowledged yet; None while it cannot be asked."""

    async def given_up(self) -> int | None:
        """Messages in dead letters of its own; None where it has none."""

    async def close(self) -> None: ...


class Components(Protocol):
    """`keeps`: whether what is in them outlives `agents down`. `offset` is that of the system's ports."""

    @property
    def name(self) -> str: ...

    @property
    def manifest(self) -> str: ...

    @property
    def keeps(self) -> bool: ...

    def prepare(self, project: Path, agents: Sequence[str]) -> None:
        """Put the component files into a project in which these agents alone run."""

    def beside(self, folder: Path) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """What `agents up` does not start itself, with its data in the folder; the variables that lead to it."""

    def broker(self, offset: int) -> Broker: ...

    async def follow(self, note: Note, offset: int) -> None:
        """Note what anybody subscribed would see, for ever, through restarts and while there is nothing to follow."""

    def versions(self, offset: int) -> dict[str, str]: ...
