"""Figures on their way: added up in memory, written in batches, one document for each version of a prompt."""

from __future__ import annotations

import logging
from collections import defaultdict
from functools import partial
from typing import NamedTuple, TypeAlias

from domain.documents import read, update
from domain.errors import AgentError
from domain.execution import PromptUse
from domain.figures import Counts, Sheet, add, merged
from domain.ports.state import StateStore
from domain.rollout import revision_of

log = logging.getLogger(__name__)

Version: TypeAlias = tuple[str, str]
"""A prompt's name and a version."""


class _Batch(NamedTuple):
    """What is written at once, counters by revision. It stays the same until it is surely written."""

    number: int
    counts: dict[int, Counts]


class Gathering:
    """`replica` names this process, and no other at any time."""

    def __init__(self, agent: str, store: StateStore, replica: str) -> None:
        self._agent = agent
        self._store = store
        self._replica = replica
        self._new: dict[Version, dict[int, Counts]] = {}
        self._sending: dict[Version, _Batch] = {}
        self._sent: dict[Version, int] = defaultdict(int)
        """The number of the last batch of each version."""
        self.is_failing = False

    @property
    def is_empty(self) -> bool:
        return not (self._new or self._sending)

    def note(self, use: PromptUse, counts: Counts) -> None:
        revisions = self._new.setdefault((use.name, use.version), {})
        add(revisions.setdefault(revision_of(use.split), {}), counts)

    async def flush(self) -> dict[Version, Sheet]:
        """Write what was gathered; the sheets as they were written. What the store does not take is tried with the next."""
        written: dict[Version, Sheet] = {}
        problem: Exception | None = None
        for version in [*self._sending, *(one for one in self._new if one not in self._sending)]:
            try:
                sheet = await self._write(version)
            except Exception as error:  # noqa: BLE001  # told below; one version must not hold up the others
                problem = error
            else:
                if sheet is not None:
                    written[version] = sheet
        if problem is not None and not self.is_failing:
            bug = None if isinstance(problem, AgentError) else problem
            log.warning("figures of prompts wait to be written: %s", problem, exc_info=bug)
        self.is_failing = problem is not None
        return written

    async def sheet(self, name: str, version: str) -> Sheet:
        """The figures of a version, those of all replicas as far as they are written."""
        return await read(self._store, Sheet, self._key(name, version)) or Sheet()

    async def _write(self, version: Version) -> Sheet | None:
        if version not in self._sending:
            self._sent[version] += 1
            self._sending[version] = _Batch(self._sent[version], self._new.pop(version))
        batch = self._sending[version]
        change = partial(merged, added=batch.counts, replica=self._replica, batch=batch.number)
        sheet = await update(self._store, Sheet, self._key(*version), change, ttl=None)
        del self._sending[version]
        return sheet

    def _key(self, name: str, version: str) -> str:
        return f"figures:{self._agent}:{name}:{version}"
