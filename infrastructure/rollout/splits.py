"""The splits of one agent as this replica knows them: read again and again, changed by ETag."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from domain.documents import read, update
from domain.errors import PromptInvalid, Unavailable
from domain.ports.prompts import PromptRegistry
from domain.ports.rollout import Chosen
from domain.ports.state import StateStore
from domain.rollout import BUCKETS, Split, Splits, bucket_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Table:
    """A split made ready: for each bucket what is asked, None where the registry is to say."""

    salt: int
    chosen: tuple[Chosen | None, ...]


class LiveSplits:
    """`current` is what was read or written last."""

    def __init__(self, agent: str, store: StateStore, prompts: PromptRegistry) -> None:
        self.current = Splits()
        self._key = f"splits:{agent}"
        self._store = store
        self._prompts = prompts
        self._tables: dict[str, _Table] | None = None
        self._turn = asyncio.Lock()
        """What was read before a change of one's own must not be believed after it."""

    def choose(self, name: str, sticky: str) -> Chosen | None:
        if self._tables is None:
            # A version that was taken back must not be asked again because a replica has just begun.
            raise Unavailable("it is not known yet how the prompts are split", retry_after=0.1)
        table = self._tables.get(name)
        return table.chosen[bucket_of(sticky, name, table.salt)] if table else None

    async def refresh(self) -> Splits:
        """Read the document.

        Raises:
            Unavailable, DocumentUnreadable: what was known stays.

        """
        async with self._turn:
            self._adopt(await read(self._store, Splits, self._key) or Splits())
        return self.current

    async def change(self, change: Callable[[Splits], Splits | None]) -> Splits | None:
        """Change the document by ETag; None where `change` wanted nothing, having seen the newest.

        Raises:
            Unavailable, DocumentUnreadable

        """
        seen = Splits()

        def changed(known: Splits | None) -> Splits | None:
            nonlocal seen
            seen = known or Splits()
            return change(seen)

        async with self._turn:
            written = await update(self._store, Splits, self._key, changed, ttl=None)
            self._adopt(written or seen)
        return written

    def _adopt(self, splits: Splits) -> None:
        if self._tables is not None and splits == self.current:
            return
        self._tables = {name: self._table(name, split) for name, split in splits.splits.items()}
        self.current = splits

    def _table(self, name: str, split: Split) -> _Table:
        chosen: list[Chosen | None] = [None] * BUCKETS
        for version, buckets in split.buckets.items():
            one = self._chosen(name, version, split) if buckets else None
            for bucket in buckets:
                chosen[bucket] = one
        return _Table(split.salt, tuple(chosen))

    def _chosen(self, name: str, version: str, split: Split) -> Chosen | None:
        """A replica of another release may not have the version. Then it asks what it has, outside of the experiment."""
        try:
            return Chosen(self._prompts.version(name, version), split.label)
        except PromptInvalid as error:
            log.warning("the split of %s is not followed for %s: %s", name, version, error)
            return None
