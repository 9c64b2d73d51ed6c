"""Drafts as they are edited, for development: what is saved is what is asked next."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from domain.errors import PromptInvalid
from domain.prompt import Prompt, PromptState, PromptVersion
from infrastructure.prompts.registry import FolderRegistry, load_prompts
from infrastructure.prompts.releases.lock import NAME

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at the folder."""

_Seen: TypeAlias = tuple[tuple[str, int, int], ...]


class LiveDrafts:
    """A registry that serves the newest draft above the release, and reads the folder again when a file in it has changed.

    An edit that is broken, or does not fit (`misfits` gives a sentence for each thing that does not), is said in the log;
    the last good state of the folder goes on. Looks at times and sizes only, from `get`, at most every `LOOK_EVERY`.
    """

    def __init__(
        self,
        folder: Path,
        misfits: Callable[[Prompt], Sequence[str]] = lambda _: (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise `PromptInvalid` when there is no good state to begin with; whether that one fits, the caller asks."""
        self._folder = folder
        self._misfits = misfits
        self._clock = clock
        self._looked = clock()
        self._seen = _look(folder)
        self._good: FolderRegistry = load_prompts(folder, drafts=True)

    def get(self, name: str) -> Prompt:
        self._refresh()
        return self._good.get(name)

    def version(self, name: str, version: str) -> Prompt:
        return self._good.version(name, version)

    def state(self, name: str, version: str) -> PromptState:
        return self._good.state(name, version)

    def versions(self) -> Sequence[PromptVersion]:
        return self._good.versions()

    def all(self) -> Sequence[Prompt]:
        return self._good.all()

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        seen = _look(self._folder)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            fresh = load_prompts(self._folder, drafts=True)
            served = [fresh.get(one.name) for one in fresh.versions() if one.served]
        except PromptInvalid as error:
            log.warning("an edit is not used, the last good one goes on: %s", error.message)
            return
        before = {one.name for one in self._good.versions() if one.served}
        gone = before - {prompt.name for prompt in served}
        problems = [f"the prompt {name} is gone" for name in sorted(gone)]
        problems += [problem for prompt in served for problem in self._misfits(prompt)]
        if problems:
            log.warning("an edit is not used, the last good one goes on: %s", "; ".join(problems))
            return
        for prompt in served:
            if prompt.name not in before or prompt.content_hash != self._good.get(prompt.name).content_hash:
                log.info("%s/%s %s is read again", self._folder.name, prompt.name, prompt.version)
        self._good = fresh


def _look(folder: Path) -> _Seen:
    """Names, times and sizes of the prompt files and the lock."""
    try:
        lock = (folder.parent / NAME).stat()
        found = [(NAME, lock.st_mtime_ns, lock.st_size)]
    except FileNotFoundError:
        found = []
    try:
        for prompt in os.scandir(folder):
            if prompt.is_dir():
                for file in os.scandir(prompt):
                    status = file.stat()
                    found.append((file.path, status.st_mtime_ns, status.st_size))
    except FileNotFoundError:  # renamed while we look: the next look sees what came of it
        return ()
    return tuple(sorted(found))
